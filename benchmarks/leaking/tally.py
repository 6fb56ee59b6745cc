"""What the trials of a run come to: the worst of each cell, and sums of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .model import Trial


class Cell(NamedTuple):
    """One habit below one launcher at one ending.

    Attributes:
        left: Processes that were left, in the worst trial.
        of: Processes that were there before it, in that trial.
    """

    left: int
    of: int


class Tally:
    """The cells of a run, and how they add up.

    Attributes:
        launchers: Their keys, in the order in which they are shown.
        habits: Likewise.
        endings: Likewise.
    """

    def __init__(
        self,
        trials: Iterable[Trial],
        *,
        launchers: Sequence[str],
        habits: Sequence[str],
        endings: Sequence[str],
    ) -> None:
        """Keep the worst of each cell: what is left once in two times is left."""
        self.launchers = tuple(launchers)
        self.habits = tuple(habits)
        self.endings = tuple(endings)
        self._trials = list(trials)
        self._cells: dict[tuple[str, str, str], Cell] = {}
        for trial in self._trials:
            for agent in trial.agents:
                where = (trial.launcher, agent.habit, trial.ending)
                cell = Cell(agent.left, agent.before)
                self._cells[where] = max(cell, self._cells.get(where, cell))

    def cell(self, launcher: str, habit: str, ending: str) -> Cell | None:
        """Return a cell; None when there was no such trial."""
        return self._cells.get((launcher, habit, ending))

    def by_habit(self, launcher: str, habit: str) -> Cell | None:
        """Add up a habit's cells over the endings."""
        return _add(self.cell(launcher, habit, ending) for ending in self.endings)

    def by_ending(self, launcher: str, ending: str) -> Cell | None:
        """Add up an ending's cells over the habits."""
        return _add(self.cell(launcher, habit, ending) for habit in self.habits)

    def total(self, launcher: str) -> Cell | None:
        """Add up all cells of a launcher."""
        return _add(self.by_ending(launcher, ending) for ending in self.endings)

    def machinery(self, launcher: str) -> int | None:
        """Add up, over the endings, what was left of the launcher itself in the worst trial."""
        worst: dict[str, int] = {}
        for trial in self._of(launcher):
            if trial.machinery is not None:
                worst[trial.ending] = max(trial.machinery, worst.get(trial.ending, 0))

        return sum(worst.values()) if worst else None

    def zombies(self, launcher: str) -> int:
        """Return how many zombies there were at most, at one count."""
        return max((trial.zombies for trial in self._of(launcher)), default=0)

    def who(self, launcher: str) -> list[str]:
        """Tell who was left, each with its habit and ending."""
        return [
            f"{name}, {agent.habit} at {trial.ending}"
            for trial in self._of(launcher)
            for agent in trial.agents
            for name in agent.who
        ]

    def machines(self, launcher: str) -> list[str]:
        """Tell who was left of the launcher itself, each with its ending."""
        return [
            f"{name} at {trial.ending}"
            for trial in self._of(launcher)
            for name in trial.machinery_who
        ]

    def _of(self, launcher: str) -> list[Trial]:
        return [trial for trial in self._trials if trial.launcher == launcher]


def _add(cells: Iterable[Cell | None]) -> Cell | None:
    found = [cell for cell in cells if cell is not None]
    return Cell(sum(one.left for one in found), sum(one.of for one in found)) if found else None
