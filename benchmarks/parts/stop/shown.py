"""How stopping is shown: a table for each number of agents, and charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.charts import Axis, Bar, Bars, Line, Lines
from benchmarks.contenders.floor import FLOOR
from benchmarks.figures import median, middle
from benchmarks.model import Column, Table

from .attempt import ALONE, PROCESSES, QUIET
from .verdicts import OF_FLOOR, over

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.charts import Chart
    from benchmarks.model import Cell

    from .attempt import Ending
    from .verdicts import Turns
    from .ways import Way

_GONE = Axis(label="until the last process is gone and reaped", unit="ms", log=True)


def tabulate(count: int, ways: Sequence[Way], turns: Turns) -> Table:
    """Lay out what was found with so many agents."""
    return Table(
        title=f"Ending {count:,} agents with {PROCESSES} processes each",
        columns=(
            Column(name="way"),
            Column(name="n", digits=0),
            Column(name="agents gone p50", unit="ms", digits=0),
            Column(name="slowest", unit="ms", digits=0),
            Column(name="÷ floor", digits=1),
            Column(name="all gone p50", unit="ms", digits=0),
            Column(name="slowest", unit="ms", digits=0),
            Column(name="left p50", unit=f"of {count * PROCESSES:,}", digits=0),
            Column(name="most left", digits=0),
        ),
        rows=tuple(_row(one, turns) for one in ways if turns.get(one.key)),
        notes=(
            "Each agent: a leader, a child in its group, and a child in a session of its own.",
            (
                "Counted from outside, by pidfd, from the sign to end until the last process is "
                "gone; a zombie is not gone. Where some stay, until the last one that goes."
            ),
            (
                "The floor was told every process group; it sends SIGTERM to each, and reaps as "
                "the subreaper of all."
            ),
            (
                "circus without its option stop_children: with it, as many were left when tried, "
                "and later. In part `leaks` it is set."
            ),
            "All: also server, nursery and keepers; those without a server have none of these.",
            (
                f"Left: still there {QUIET:.0f} s after the last end, or {ALONE:.0f} s when no "
                "server is there any more; ended by the benchmark then."
            ),
        ),
    )


def draw(
    levels: Mapping[int, Turns], ways: Sequence[Way], ours: Sequence[str], targeted: int
) -> tuple[Chart, ...]:
    """Draw the times with each number of agents, and those with the number of the targets.

    Args:
        levels: What was found with each number of agents.
        ways: All of them.
        ours: The keys of this project's ways.
        targeted: One of the numbers.
    """
    turns = levels[targeted]
    floor = turns.get(FLOOR)
    return (
        Bars(
            key="stop",
            title=f"Ending {targeted:,} agents with {PROCESSES} processes each",
            axis=_GONE,
            bars=tuple(_bar(one, turns, ours) for one in ways if turns.get(one.key)),
            goal=median([one.agents_ms for one in floor]) * OF_FLOOR if floor else None,
        ),
        Lines(
            key="stop-by-count",
            title=f"Ending agents with {PROCESSES} processes each",
            x=Axis(label="agents", log=True),
            y=_GONE,
            lines=tuple(
                Line(
                    name=_name(one, *levels.values()),
                    points=tuple(
                        (float(count), median([ending.agents_ms for ending in turns[one.key]]))
                        for count, turns in levels.items()
                        if turns.get(one.key)
                    ),
                    ours=one.key in ours,
                )
                for one in ways
                if any(turns.get(one.key) for turns in levels.values())
            ),
        ),
    )


def _row(one: Way, turns: Turns) -> tuple[Cell, ...]:
    endings = turns[one.key]
    agents = [ending.agents_ms for ending in endings]
    house = [ending.house_ms for ending in endings if ending.house_ms is not None]
    left = [ending.left for ending in endings]
    whole = len(house) == len(endings)
    ratio = over(turns, one.key, FLOOR)
    return (
        one.name,
        len(endings),
        median(agents),
        max(agents),
        None if ratio is None else ratio.value,
        median(house) if whole else None,
        max(house) if whole else None,
        median(left),
        max(left),
    )


def _bar(one: Way, turns: Turns, ours: Sequence[str]) -> Bar:
    times = middle([ending.agents_ms for ending in turns[one.key]])
    ratio = over(turns, one.key, FLOOR)
    return Bar(
        name=_name(one, turns),
        value=times.value,
        low=times.low,
        high=times.high,
        ratio=None if ratio is None else ratio.value,
        ours=one.key in ours,
    )


def _name(one: Way, *levels: Turns) -> str:
    """Return its name, and say of those who leave somebody that they do."""
    endings: list[Ending] = [ending for turns in levels for ending in turns.get(one.key, [])]
    return f"{one.name} (leaves some)" if any(ending.left for ending in endings) else one.name
