"""Baselines: a process in a session of its own, and nobody who looks after it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .worker import open_worker

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from benchmarks.ground import Ground

    from .worker import WorkerSession


@dataclass(frozen=True, slots=True, kw_only=True)
class BareContender:
    """A call that starts a process, in a worker of its own.

    Attributes:
        key: See `Contender`.
        name: See `Contender`.
        worker: The arguments of Python that start the worker.
        megabytes: Memory that the worker holds besides.
    """

    key: str
    name: str
    worker: tuple[str, ...]
    megabytes: int = 0

    def missing(self) -> str | None:
        """Nothing: all of it comes with Python, or is needed by this project."""
        return None

    def open(self, ground: Ground, program: Path) -> AbstractContextManager[WorkerSession]:
        """Start the worker."""
        argv = [sys.executable, "-m", *self.worker, str(program), str(self.megabytes)]
        return open_worker(ground, argv, name=self.name)


POPEN: Final = BareContender(
    key="popen", name="bare Popen", worker=("benchmarks.workers.bare", "popen")
)
POSIX_SPAWN: Final = BareContender(
    key="posix_spawn", name="os.posix_spawn", worker=("benchmarks.workers.bare", "posix_spawn")
)
ANYIO: Final = BareContender(
    key="anyio", name="anyio.open_process", worker=("benchmarks.workers.bare_anyio",)
)
