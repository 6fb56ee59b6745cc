"""This project as a library, in a program of its own; see `benchmarks.workers.leaking_library`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.contenders.lines import LineChild
from benchmarks.errors import BrokenError

from .base import leaving

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from benchmarks.leaking.stand import Stand


class _Library(LineChild):
    """The program, talked to in lines."""

    def __init__(self, stand: Stand) -> None:
        worker = [sys.executable, "-m", "benchmarks.workers.leaking_library", str(stand.folder)]
        super().__init__(stand.ground, worker, environment={}, name="the library's program")
        agents = {habit.key: stand.argv(habit) for habit in stand.habits}
        self._ask({"do": "launch", "agents": agents})

    def stop(self) -> None:
        """See `Running`."""
        self._ask({"do": "stop"})

    def _ask(self, request: object) -> None:
        self.send(request)
        answer = self.receive()
        if "error" in answer:
            raise BrokenError(f"library: {answer['error']}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryLauncher:
    """``open_orchestrator`` on asyncio; see `Launcher`."""

    key: str = "library"
    name: str = "this project, library"
    means: str = "`stop()`, with the graces that are its default: SIGTERM, 1.2 s, SIGKILL"
    ours: bool = True
    not_for: Mapping[str, str] = field(default_factory=dict[str, str])

    def missing(self) -> str | None:
        """Nothing: it is what this project is."""
        return None

    def open(self, stand: Stand) -> AbstractContextManager[_Library]:
        """See `Launcher`."""
        return leaving(_Library(stand))
