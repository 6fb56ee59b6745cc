"""The nouns of the part ``leaks``: what a trial is asked, and what it found."""

from __future__ import annotations

from pathlib import Path

from orchestrator.model.base import Noun


class Order(Noun):
    """One trial: one launcher with an agent of each habit, and one ending.

    Attributes:
        launcher: Its key.
        ending: Its key.
        habits: Their keys.
        after: Seconds from the ending to the count.
        cluster: A folder that PostgreSQL's data are copied from; None without that habit.
    """

    launcher: str
    ending: str
    habits: tuple[str, ...]
    after: float
    cluster: Path | None = None


class Remains(Noun):
    """What an agent came to.

    Attributes:
        habit: Its key.
        before: Processes of it right before the ending.
        left: Processes of it that were alive at the count.
        who: The first of those, in words.
    """

    habit: str
    before: int
    left: int
    who: tuple[str, ...] = ()


class Trial(Noun):
    """What came of one trial.

    Attributes:
        launcher: Its key.
        ending: Its key.
        agents: Each agent.
        machinery: Processes of the launcher itself that were alive at the count: servers, keepers,
            itself; None where it may stay.
        machinery_who: The first of those, in words.
        zombies: Ended processes that nobody had reaped by then; in no other figure.
        empty_after: Seconds from the ending until the kernel said that nobody was left at all;
            None when somebody was, until the count.
    """

    launcher: str
    ending: str
    agents: tuple[Remains, ...]
    machinery: int | None
    machinery_who: tuple[str, ...] = ()
    zombies: int = 0
    empty_after: float | None = None


class News(Noun):
    """What a lane answers: one of the two.

    Attributes:
        trial: It was done.
        broken: It could not be done, and why.
    """

    trial: Trial | None = None
    broken: str = ""
