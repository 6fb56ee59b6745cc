"""circusd, with everything that it has for programs with children."""

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

    from benchmarks.leaking.stand import Stand

_HEAD: Final = """\
[circus]
endpoint = {endpoint}
pubsub_endpoint = {endpoint}-events
"""

_AGENT: Final = """
[watcher:{name}]
cmd = {command}
copy_env = true
respawn = false
stop_children = true
graceful_timeout = {grace}
close_child_stdout = true
close_child_stderr = true
"""


def _endpoint(stand: Stand) -> str:
    return f"ipc://{stand.folder}/circus"


def configuration(stand: Stand) -> str:
    """Return its configuration file."""
    agents = (
        _AGENT.format(name=habit.key, command=shlex.join(stand.argv(habit)), grace=GRACE)
        for habit in stand.habits
    )
    return _HEAD.format(endpoint=_endpoint(stand)) + "".join(agents)


@dataclass(frozen=True, slots=True, kw_only=True)
class CircusLauncher:
    """``circusd``; see `Launcher`."""

    key: str = "circus"
    name: str = "circus"
    means: str = "`circusctl stop` with stop_children: SIGTERM, 1 s, SIGKILL to all below"
    ours: bool = False
    not_for: Mapping[str, str] = field(default_factory=lambda: NOT_FOR)

    def missing(self) -> str | None:
        """Look for it."""
        return no_module("circus")

    def open(self, stand: Stand) -> AbstractContextManager[Manager]:
        """See `Launcher`."""
        file = stand.folder / "circus.ini"
        file.write_text(configuration(stand), encoding="utf-8")
        client = [sys.executable, "-m", "circus.circusctl", "--endpoint", _endpoint(stand)]
        manager = Manager(
            stand,
            [sys.executable, "-m", "circus.circusd", str(file)],
            stop=[*client, "stop", "--waiting"],
            name=self.name,
        )
        return leaving(manager)
