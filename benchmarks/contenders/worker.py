"""Contenders that are a worker: a process that launches what it is told to in lines of JSON."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from benchmarks.errors import BrokenError
from benchmarks.model import Round

from .lines import ANSWER_LIMIT, LineChild

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from typing import Any

    from benchmarks.ground import Ground


#: Seconds that each agent may take besides.
_LIMIT_EACH: Final = 0.2


class WorkerSession:
    """A worker of `benchmarks.workers` at work."""

    def __init__(self, child: LineChild, name: str) -> None:
        """Talk to the worker.

        Args:
            child: The worker.
            name: What it is called when it fails.
        """
        self._child = child
        self._name = name

    @property
    def root(self) -> int:
        """The pid of the worker."""
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
        """End all agents."""
        self.ask({"do": "clear"})

    def know(self, groups: Iterable[int]) -> None:
        """Tell the worker the process groups that `end` is for."""
        self.ask({"do": "know", "groups": list(groups)})

    def end(self) -> None:
        """Have the worker end everything its own way; returns at once."""
        self._child.send({"do": "end"})

    def leave(self) -> None:
        """End of input, upon which it leaves its block; returns at once."""
        self._child.hang_up()

    def kill(self) -> None:
        """SIGKILL for the worker."""
        self._child.kill()

    def _round(self, do: str, count: int) -> Round:
        self._child.send({"do": do, "count": count})
        answer = self.answer(limit=ANSWER_LIMIT + count * _LIMIT_EACH)
        return Round(times=tuple(answer["times"]), wall=answer["wall"])

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Have the worker do something, and wait for its answer."""
        self._child.send(request)
        return self.answer()

    def answer(self, *, limit: float = ANSWER_LIMIT) -> dict[str, Any]:
        """Wait for an answer.

        Args:
            limit: Seconds that it may take.

        Raises:
            BrokenError: It says that it failed.
        """
        answer = self._child.receive(limit=limit)
        if "error" in answer:
            raise BrokenError(f"{self._name}: {answer['error']}")

        return answer


@contextmanager
def open_worker(ground: Ground, argv: Sequence[str], *, name: str) -> Generator[WorkerSession]:
    """Start a worker, and wait until it says that it is ready; it leaves with the block.

    Args:
        ground: Where it stands.
        argv: What to start.
        name: What it is called when it fails.
    """
    child = LineChild(ground, argv, environment={}, name=name)
    try:
        session = WorkerSession(child, name)
        session.answer()
        yield session
    finally:
        child.close()
