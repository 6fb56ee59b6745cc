"""What every launcher is, and what it does in a trial."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

from benchmarks.errors import BrokenError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Generator, Mapping
    from contextlib import AbstractContextManager

    from benchmarks.leaking.stand import Stand


class Running(Protocol):
    """A launcher that runs, with all of its agents."""

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Its process, which leads a group; it is the one that gets the signals."""
        ...

    def stop(self) -> None:
        """Stop each agent by its own means; returns when those have answered.

        Raises:
            BrokenError: They failed.
        """
        ...

    def hang_up(self) -> None:
        """End its input, which is a client's way of leaving; returns at once."""
        ...


class _Closable(Protocol):
    def close(self) -> object: ...


L = TypeVar("L", bound=_Closable)


@contextmanager
def leaving(running: L) -> Generator[L]:
    """Have a launcher for the length of the block; what it leaves is counted, and no failure."""
    try:
        yield running
    finally:
        with suppress(BrokenError):
            running.close()


class Launcher(Protocol):
    """One of those that are compared."""

    @property
    def key(self) -> str:
        """Its short name."""
        ...

    @property
    def name(self) -> str:
        """What it is called in tables."""
        ...

    @property
    def means(self) -> str:
        """What it does to end an agent, in a sentence."""
        ...

    @property
    def ours(self) -> bool:
        """Whether it is this project."""
        ...

    @property
    def not_for(self) -> Mapping[str, str]:
        """The endings that mean something else to it, and what."""
        ...

    def missing(self) -> str | None:
        """Say why it cannot be tried here; None when it can."""
        ...

    def open(self, stand: Stand) -> AbstractContextManager[Running]:
        """Start it and its agents, which may take their shape later.

        At the end of the block, when all is counted, it is asked to leave, unless it has ended. One
        that stays is killed; what it leaves is left.

        Raises:
            BrokenError: It does not start.
        """
        ...
