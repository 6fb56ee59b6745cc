"""The tables and charts of the part ``leaks``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.charts import Axis, Bar, Bars, Heat
from benchmarks.model import Column, Table

from .endings import ENDING_BY_KEY
from .habits import HABIT_BY_KEY
from .means import GRACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.charts import Chart
    from benchmarks.plan import Plan

    from .launchers.base import Launcher
    from .tally import Cell, Tally

_PERCENT: Final = 100.0
_UNIT: Final = "processes left"


def tables(tally: Tally, launchers: Sequence[Launcher], plan: Plan) -> tuple[Table, ...]:
    """Lay out the sums of each launcher, also by habit and by ending."""
    habits = [HABIT_BY_KEY[key].name for key in tally.habits]
    endings = [ENDING_BY_KEY[key].name for key in tally.endings]
    return (
        _sums(tally, launchers, plan),
        Table(
            title="Processes left, by habit, over all endings",
            columns=(Column(name="launcher"), *_counts(habits)),
            rows=tuple(
                (one.name, *(_left(tally.by_habit(one.key, habit)) for habit in tally.habits))
                for one in launchers
            ),
        ),
        Table(
            title="Processes left, by ending, over all habits",
            columns=(Column(name="launcher"), *_counts(endings)),
            rows=tuple(
                (one.name, *(_left(tally.by_ending(one.key, ending)) for ending in tally.endings))
                for one in launchers
            ),
            notes=_not_for(launchers, tally.endings),
        ),
    )


def charts(tally: Tally, launchers: Sequence[Launcher]) -> tuple[Chart, ...]:
    """Draw the same, and every cell."""
    habits = tuple(HABIT_BY_KEY[key].name for key in tally.habits)
    endings = tuple(ENDING_BY_KEY[key].name for key in tally.endings)
    cells = [(one, habit) for one in launchers for habit in tally.habits]
    ours = tuple(one.name for one in launchers if one.ours)
    return (
        Bars(
            key="leaks-share",
            title="Processes left behind, of all that agents were",
            axis=Axis(label="left behind, over all habits and endings", unit="%"),
            bars=tuple(
                Bar(name=one.name, value=_share(total), ours=one.ours)
                for one in launchers
                if (total := tally.total(one.key)) is not None
            ),
        ),
        _heat(
            "leaks-habits",
            "Processes left, by habit",
            [
                (one.name, [tally.by_habit(one.key, key) for key in tally.habits])
                for one in launchers
            ],
            habits,
            ours,
        ),
        _heat(
            "leaks-endings",
            "Processes left, by ending",
            [
                (one.name, [tally.by_ending(one.key, key) for key in tally.endings])
                for one in launchers
            ],
            endings,
            ours,
        ),
        _heat(
            "leaks-cells",
            "Processes left, each habit at each ending",
            [
                (_row_name(one, key), [tally.cell(one.key, key, end) for end in tally.endings])
                for one, key in cells
            ],
            endings,
            tuple(_row_name(one, key) for one, key in cells if one.ours),
        ),
    )


def _sums(tally: Tally, launchers: Sequence[Launcher], plan: Plan) -> Table:
    times = "once" if plan.leak_rounds == 1 else f"{plan.leak_rounds} times"
    return Table(
        title=f"Processes alive {plan.leak_seconds:g} s after the end, over all habits and endings",
        columns=(
            Column(name="launcher"),
            Column(name="left", digits=0),
            Column(name="of", digits=0),
            Column(name="share", unit="%", digits=1),
            Column(name="its own left", digits=0),
            Column(name="zombies", digits=0),
            Column(name="endings", digits=0),
        ),
        rows=tuple(
            (
                one.name,
                _left(total := tally.total(one.key)),
                total and total.of,
                total and _share(total),
                tally.machinery(one.key),
                tally.zombies(one.key),
                sum(tally.by_ending(one.key, ending) is not None for ending in tally.endings),
            )
            for one in launchers
        ),
        notes=(
            (
                f"One agent of each habit below one launcher; each ending {times}, the worst of "
                "each cell counts. Whoever works in an agent's folder is the agent's."
            ),
            (
                "Counted by the process that started the launcher and is everyone's outermost "
                "subreaper; a zombie is not alive, and is counted apart: the most at one count."
            ),
            (
                f"Grace before SIGKILL: {GRACE} s for every launcher but this project, which has "
                "its defaults."
            ),
            "its own: the launcher and what it runs for itself, after the endings that end it.",
            "A bomb goes on until it is ended: more of it may be left than there were before.",
            *(f"{one.name}: {one.means}." for one in launchers),
        ),
    )


def _not_for(launchers: Sequence[Launcher], endings: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        f"{one.name}, {ENDING_BY_KEY[ending].name}: {one.not_for[ending]}."
        for one in launchers
        for ending in endings
        if ending in one.not_for
    )


def _counts(names: Sequence[str]) -> tuple[Column, ...]:
    return tuple(Column(name=name, digits=0) for name in names)


def _left(cell: Cell | None) -> int | None:
    return None if cell is None else cell.left


def _share(cell: Cell) -> float:
    return cell.left / cell.of * _PERCENT if cell.of else 0.0


def _row_name(launcher: Launcher, habit: str) -> str:
    return f"{launcher.name}: {HABIT_BY_KEY[habit].name}"


def _heat(
    key: str,
    title: str,
    rows: Sequence[tuple[str, Sequence[Cell | None]]],
    columns: tuple[str, ...],
    ours: tuple[str, ...],
) -> Heat:
    return Heat(
        key=key,
        title=title,
        rows=tuple(name for name, _ in rows),
        columns=columns,
        cells=tuple(tuple(map(_left, cells)) for _, cells in rows),
        unit=_UNIT,
        ours=ours,
    )
