"""supervisord, as its documentation has it for programs with children."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from benchmarks.contenders.base import no_module
from benchmarks.leaking.means import GRACE

from .base import leaving
from .manager import NOT_FOR, Manager

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from benchmarks.leaking.stand import Stand

# One group, so that all are stopped side by side.
_HEAD: Final = """\
[supervisord]
nodaemon = true
logfile = {folder}/log
pidfile = {folder}/pid
childlogdir = {folder}

[unix_http_server]
file = {folder}/socket

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{folder}/socket

[group:agents]
programs = {names}
"""

_AGENT: Final = """
[program:{name}]
command = {command}
autorestart = false
startsecs = 0
stopasgroup = true
killasgroup = true
stopwaitsecs = {grace}
stdout_logfile = NONE
stderr_logfile = NONE
"""


def configuration(stand: Stand) -> str:
    """Return its configuration file."""
    names = ",".join(habit.key for habit in stand.habits)
    agents = (
        _AGENT.format(name=habit.key, command=_words(stand.argv(habit)), grace=GRACE)
        for habit in stand.habits
    )
    return _HEAD.format(folder=_words([str(stand.folder)]), names=names) + "".join(agents)


def _words(argv: tuple[str, ...] | list[str]) -> str:
    return shlex.join(argv).replace("%", "%%")


def _write(stand: Stand) -> Path:
    file = stand.folder / "supervisord.conf"
    file.write_text(configuration(stand), encoding="utf-8")
    return file


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisordLauncher:
    """``supervisord -n``; see `Launcher`."""

    key: str = "supervisord"
    name: str = "supervisord"
    means: str = "`supervisorctl stop` with stopasgroup and killasgroup: SIGTERM, 1 s, SIGKILL"
    ours: bool = False
    not_for: Mapping[str, str] = field(default_factory=lambda: NOT_FOR)

    def missing(self) -> str | None:
        """Look for it."""
        return no_module("supervisor")

    def open(self, stand: Stand) -> AbstractContextManager[Manager]:
        """See `Launcher`."""
        file = str(_write(stand))
        manager = Manager(
            stand,
            [sys.executable, "-m", "supervisor.supervisord", "-c", file],
            stop=[sys.executable, "-m", "supervisor.supervisorctl", "-c", file, "stop", "agents:*"],
            name=self.name,
        )
        return leaving(manager)
