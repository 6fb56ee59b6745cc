"""The library: ``open_orchestrator`` and ``launch`` in a process of its own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import no_module
from .worker import WorkerSession, open_worker

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from benchmarks.ground import Ground


@dataclass(frozen=True, slots=True)
class LibraryContender:
    """The library on one of anyio's backends.

    Attributes:
        backend: ``asyncio`` or ``trio``.
        key: See `Contender`.
        name: See `Contender`.
        megabytes: Memory that the orchestrator holds besides.
    """

    backend: str = "asyncio"
    key: str = "library"
    name: str = "launch(), asyncio"
    megabytes: int = 0

    def missing(self) -> str | None:
        """Look for the backend."""
        return no_module(self.backend)

    def open(self, ground: Ground, program: Path) -> AbstractContextManager[WorkerSession]:
        """Start the worker, and wait until its orchestrator is open."""
        argv = [sys.executable, "-m", "benchmarks.workers.library", self.backend]
        argv += [str(ground.new_folder()), str(program), str(self.megabytes)]
        return open_worker(ground, argv, name=self.name)


#: The library on the other backend.
TRIO = LibraryContender(backend="trio", key="library-trio", name="launch(), trio")
