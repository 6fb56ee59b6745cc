"""The library: ``open_orchestrator`` and ``launch`` in a process of its own."""

from __future__ import annotations

import importlib.util
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.errors import BrokenError
from benchmarks.model import Round

from .lines import LineChild

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from typing import Any

    from benchmarks.ground import Ground


class LibrarySession:
    """A worker that holds an orchestrator open, see `benchmarks.workers.library`."""

    def __init__(self, child: LineChild) -> None:
        """Talk to the worker."""
        self._child = child

    @property
    def root(self) -> int:
        """The pid of the worker, which is the orchestrator."""
        return self._child.process.pid

    def launch(self, count: int, *, together: bool) -> Round:
        """Launch agents; the worker times them around the call.

        Raises:
            BrokenError: It failed.
        """
        return self._round("together" if together else "launch", count)

    def run(self, count: int) -> Round:
        """Launch agents and wait for each; the worker times both calls together.

        Raises:
            BrokenError: It failed.
        """
        return self._round("run", count)

    def clear(self) -> None:
        """Stop all agents."""
        self.ask({"do": "clear"})

    def leave(self) -> None:
        """Make it leave the block; returns at once."""
        self._child.hang_up()

    def kill(self) -> None:
        """SIGKILL for the worker."""
        self._child.kill()

    def _round(self, do: str, count: int) -> Round:
        answer = self.ask({"do": do, "count": count})
        return Round(times=tuple(answer["times"]), wall=answer["wall"])

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have the worker do something, and wait for its answer."""
        self._child.send(request)
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Wait for an answer.

        Raises:
            BrokenError: It says that it failed.
        """
        answer = self._child.receive()
        if "error" in answer:
            raise BrokenError(f"library: {answer['error']}")

        return answer


@dataclass(frozen=True, slots=True)
class LibraryContender:
    """The library on one of anyio's backends.

    Attributes:
        backend: ``asyncio`` or ``trio``.
        key: See `Contender`.
        name: See `Contender`.
    """

    backend: str = "asyncio"
    key: str = "library"
    name: str = "launch(), asyncio"

    def missing(self) -> str | None:
        """Look for the backend."""
        if importlib.util.find_spec(self.backend) is None:
            return f"{self.backend} is not installed: pip install {self.backend}"

        return None

    @contextmanager
    def open(self, ground: Ground, program: Path) -> Generator[LibrarySession]:
        """Start the worker, and wait until its orchestrator is open."""
        child = LineChild(
            ground,
            [
                *(sys.executable, "-m", "benchmarks.workers.library"),
                *(self.backend, str(ground.new_folder()), str(program)),
            ],
            environment={},
            name=self.name,
        )
        try:
            session = LibrarySession(child)
            session.answer()
            yield session
        finally:
            child.close()


#: The library on the other backend.
TRIO = LibraryContender(backend="trio", key="library-trio", name="launch(), trio")
