"""A careful program over the usual means, see `benchmarks.workers.leaking`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from benchmarks.contenders.lines import LineChild

from .base import leaving

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from benchmarks.leaking.stand import Stand

#: Seconds that a service manager may take to say whether it works.
_PROBE_LIMIT: Final = 10.0


class _Program(LineChild):
    """The program, talked to in lines."""

    def __init__(self, stand: Stand, means: str, name: str) -> None:
        worker = [sys.executable, "-m", "benchmarks.workers.leaking", means, str(stand.folder)]
        super().__init__(stand.ground, worker, environment={}, name=name)
        agents = {habit.key: stand.argv(habit) for habit in stand.habits}
        self._ask({"do": "launch", "agents": agents})

    def stop(self) -> None:
        """See `Running`."""
        self._ask({"do": "stop"})

    def _ask(self, request: object) -> None:
        self.send(request)
        self.receive()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramLauncher:
    """It, with one of the means; see `Launcher`.

    Attributes:
        needs: A program that has to be there; empty for none.
    """

    key: str
    name: str
    means: str
    needs: str = ""
    ours: bool = False
    not_for: Mapping[str, str] = field(default_factory=dict[str, str])

    def missing(self) -> str | None:
        """Look for what it needs."""
        if self.needs and shutil.which(self.needs) is None:
            return f"{self.needs} is not installed"

        return None

    def open(self, stand: Stand) -> AbstractContextManager[_Program]:
        """See `Launcher`."""
        return leaving(_Program(stand, self.key, self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeLauncher:
    """It, with ``systemd-run``; see `Launcher`."""

    key: str = "scope"
    name: str = "systemd-run --scope"
    means: str = "`systemctl stop` of a scope: SIGTERM, 1 s, SIGKILL to its control group"
    ours: bool = False
    not_for: Mapping[str, str] = field(default_factory=dict[str, str])

    def missing(self) -> str | None:
        """Try it."""
        return None if find_manager() else "systemd-run --scope fails: no service manager answers"

    def open(self, stand: Stand) -> AbstractContextManager[_Program]:
        """See `Launcher`."""
        return leaving(_Program(stand, find_manager() or self.key, self.name))


def find_manager() -> str | None:
    """Return the means over whichever service manager makes scopes here; None when none does."""
    systemd_run = shutil.which("systemd-run")
    if systemd_run is None:
        return None

    for means, option in (("user-scope", "--user"), ("scope", "--system")):
        try:
            done = subprocess.run(
                [systemd_run, option, "--scope", "--quiet", "--collect", "--", "/bin/true"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_PROBE_LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            continue

        if done.returncode == 0:
            return means

    return None
