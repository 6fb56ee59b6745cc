"""The floor: a process in a session of its own, and nobody who looks after it."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.errors import BrokenError
from benchmarks.model import Round

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Generator
    from pathlib import Path

    from benchmarks.ground import Ground

_MS_PER_S = 1000.0


class PopenSession:
    """Processes that were started bare."""

    def __init__(self, ground: Ground, program: Path) -> None:
        """Start what is in the program."""
        self._ground = ground
        self._argv = [str(program)]
        self._processes: list[subprocess.Popen[bytes]] = []

    def launch(self, count: int, *, together: bool) -> Round:
        """Start processes, one after the other in any case: a call returns once it runs.

        Together they are all wanted at the same moment, so each is timed from the first one's.
        """
        times: list[float] = []
        first = time.perf_counter()
        for _ in range(count):
            began = first if together else time.perf_counter()
            process = self._start()
            times.append((time.perf_counter() - began) * _MS_PER_S)
            self._processes.append(process)

        return Round(times=tuple(times), wall=max(times) if together else sum(times))

    def run(self, count: int) -> Round:
        """Start processes and wait for each.

        Raises:
            BrokenError: One said that it failed.
        """
        times: list[float] = []
        for _ in range(count):
            began = time.perf_counter()
            status = self._start().wait()
            times.append((time.perf_counter() - began) * _MS_PER_S)
            if status:
                raise BrokenError(f"bare Popen: exit status {status}")

        return Round(times=tuple(times), wall=sum(times))

    def kill_groups(self) -> None:
        """SIGTERM to the group of each, which is all that a bare process offers."""
        for process in self._processes:
            os.killpg(process.pid, signal.SIGTERM)

    def clear(self) -> None:
        """Kill each, and wait for it."""
        for process in self._processes:
            process.kill()

        for process in self._processes:
            process.wait()

        self._processes.clear()

    def _start(self) -> subprocess.Popen[bytes]:
        return self._ground.spawn(self._argv, new_session=True)


@dataclass(frozen=True, slots=True)
class PopenContender:
    """``subprocess.Popen(start_new_session=True)``."""

    key: str = "popen"
    name: str = "bare Popen (floor)"

    def missing(self) -> str | None:
        """Nothing: it comes with Python."""
        return None

    @contextmanager
    def open(self, ground: Ground, program: Path) -> Generator[PopenSession]:
        """Start nothing yet."""
        session = PopenSession(ground, program)
        try:
            yield session
        finally:
            session.clear()
