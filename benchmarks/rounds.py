"""Turns: in each round every contender does the same once, so that noise hits all alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from .model import Series

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .model import Round
    from .progress import Steps

S = TypeVar("S")
T = TypeVar("T")


class Entrant(Generic[S]):
    """A contender that is open.

    Attributes:
        key: The contender's short name.
        name: What it is called in tables.
        session: What does the work.
    """

    def __init__(self, key: str, name: str, session: S) -> None:
        """Enter."""
        self.key = key
        self.name = name
        self.session = session


def order(entrants: Sequence[T], number: int) -> list[T]:
    """Return who comes first in this round, and so on: everyone comes first equally often.

    Args:
        entrants: All of them.
        number: Of the round, from 0.
    """
    start = number % len(entrants) if entrants else 0
    return [*entrants[start:], *entrants[:start]]


def take_turns(
    entrants: Sequence[Entrant[S]],
    turn: Callable[[S], Round],
    *,
    rounds: int,
    what: str,
    steps: Steps,
) -> tuple[Series, ...]:
    """Let all take turns.

    Args:
        entrants: Who takes part.
        turn: What each does in a round.
        rounds: How many there are.
        what: What is measured, for the progress.
        steps: Takes the progress.

    Returns:
        A series for each, in the order of the entrants.
    """
    done: dict[str, list[Round]] = {entrant.key: [] for entrant in entrants}
    steps.begin(what, rounds * len(entrants))
    for number in range(rounds):
        for entrant in order(entrants, number):
            done[entrant.key].append(turn(entrant.session))
            steps.advance()

    return tuple(
        Series(key=entrant.key, name=entrant.name, rounds=tuple(done[entrant.key]))
        for entrant in entrants
    )
