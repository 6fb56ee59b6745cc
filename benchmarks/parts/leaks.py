"""Leaks: who leaves processes behind, with which agents, and at which end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.leaking.conduct import conduct, endings
from benchmarks.leaking.habits import HABITS
from benchmarks.leaking.launchers import LAUNCHERS
from benchmarks.leaking.shown import charts, tables
from benchmarks.leaking.tally import Tally
from benchmarks.leaking.verdict import judge
from benchmarks.model import PartResult, Skipped

from .base import no_linux

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeVar

    from benchmarks.leaking.habits import Habit
    from benchmarks.leaking.launchers.base import Launcher

    from .base import Context

    T = TypeVar("T", Habit, Launcher)


@dataclass(frozen=True, slots=True)
class Leaks:
    """See the module."""

    name: str = "leaks"
    summary: str = "who leaves processes behind: agents with nasty habits, and every kind of end"

    def missing(self) -> str | None:
        """Only Linux has a subreaper to count for."""
        return no_linux()

    def measure(self, context: Context) -> PartResult:
        """Run all trials, and add up."""
        plan = context.plan
        wanted = [one for one in HABITS if not plan.leak_habits or one.key in plan.leak_habits]
        habits, no_habits = _present(wanted)
        launchers, no_launchers = _present(LAUNCHERS)
        trials = conduct(plan, launchers, habits, ground=context.ground, steps=context.steps)
        tally = Tally(
            trials,
            launchers=[launcher.key for launcher in launchers],
            habits=[habit.key for habit in habits],
            endings=[ending.key for ending in endings(plan)],
        )
        return PartResult(
            name=self.name,
            tables=tables(tally, launchers, plan),
            verdicts=judge(tally, launchers),
            skipped=(*no_launchers, *no_habits),
            charts=charts(tally, launchers),
            trials=trials,
        )


def _present(candidates: Iterable[T]) -> tuple[list[T], Sequence[Skipped]]:
    there: list[T] = []
    skipped: list[Skipped] = []
    for one in candidates:
        reason = one.missing()
        if reason is None:
            there.append(one)
        else:
            skipped.append(Skipped(name=one.name, reason=reason))

    return there, skipped
