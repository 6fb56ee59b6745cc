"""Who is left: sorted by whose they are, and counted over a few looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .sights import below

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from .sights import Sight

#: How many of those who are left are told in words.
TOLD: Final = 8


class Census(NamedTuple):
    """Everyone below a trial, or working in its folder, at one moment.

    Attributes:
        agents: Live processes of each agent, by the key of its habit.
        machinery: Live processes that work nowhere of an agent's: the launcher and its own.
        zombies: Those who have ended and were not reaped by their parents, who are there.
    """

    agents: dict[str, list[Sight]]
    machinery: list[Sight]
    zombies: list[Sight]

    @property
    def alive(self) -> list[Sight]:
        """Everyone who has not ended."""
        return [*self.machinery, *(one for agent in self.agents.values() for one in agent)]


def sort_out(sights: Sequence[Sight], *, root: int, place: Path, habits: Collection[str]) -> Census:
    """Say whose everyone is.

    Where a process works is a mark that it keeps through every fork, session and exec, and that no
    emptied environment takes away; its parents are another one. Either makes it this trial's.

    Args:
        sights: Everyone there is.
        root: The pid of the trial's process, which is everyone's outermost subreaper; not counted.
        place: Each agent works in the folder there that is named like its habit.
        habits: Their keys, which are the names of those folders.
    """
    agents: dict[str, list[Sight]] = {habit: [] for habit in habits}
    machinery: list[Sight] = []
    zombies: list[Sight] = []
    descend = {sight.pid for sight in below(root, sights)}
    for sight in sights:
        habit = sight.folder_in(place)
        if sight.pid == root or not (habit or sight.pid in descend):
            continue

        if sight.ended:
            # One that has fallen to this process is reaped by it in a moment.
            zombies += [sight] if sight.parent != root else []
        elif habit in agents:
            agents[habit].append(sight)
        else:
            machinery.append(sight)

    return Census(agents, machinery, zombies)


def most(looks: Iterable[Census]) -> Census:
    """Return the fullest list of each kind: one look may miss whoever is being forked then."""
    seen = list(looks)
    return Census(
        {habit: max((one.agents[habit] for one in seen), key=len) for habit in seen[0].agents},
        max((one.machinery for one in seen), key=len),
        max((one.zombies for one in seen), key=len),
    )


def tell(sights: Sequence[Sight]) -> tuple[str, ...]:
    """Tell the first of them in words."""
    return tuple(map(str, sights[:TOLD]))
