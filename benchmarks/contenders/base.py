"""What every contender can do: be opened, launch agents, and clear them away."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from benchmarks.ground import Ground
    from benchmarks.model import Round


class Session(Protocol):
    """A contender at work: its server runs, if it has one."""

    def launch(self, count: int, *, together: bool) -> Round:
        """Launch agents, and time each from asking for it until it is said to run.

        Args:
            count: How many.
            together: Side by side, or each after the one before.

        Raises:
            BrokenError: One was not launched.
        """
        ...

    def clear(self) -> None:
        """End all that was launched, and wait until nothing of it is left; not timed."""
        ...


class Runner(Protocol):
    """A contender that knows how its agents end."""

    def run(self, count: int) -> Round:
        """Launch agents one after another, and time each until its end is known.

        Raises:
            BrokenError: One was not launched, or did not end well.
        """
        ...


class Resident(Protocol):
    """A contender that stays beside its agents while they run."""

    @property
    def root(self) -> int:
        """The pid of its server."""
        ...


S_co = TypeVar("S_co", covariant=True)


def no_module(name: str, *, program: str | None = None) -> str | None:
    """Say that a package is not installed; None when it is.

    Args:
        name: Of the package, and of its module.
        program: What it is called; None when that is the same.
    """
    if importlib.util.find_spec(name) is not None:
        return None

    return f"{program or name} is not installed: pip install {name}"


class Contender(Protocol[S_co]):
    """One of those that are compared."""

    @property
    def key(self) -> str:
        """Its short name."""
        ...

    @property
    def name(self) -> str:
        """What it is called in tables."""
        ...

    def missing(self) -> str | None:
        """Say why it cannot be measured here; None when it can."""
        ...

    def open(self, ground: Ground, program: Path) -> AbstractContextManager[S_co]:
        """Start it, for agents that run one program; leaving the block ends all of it."""
        ...
