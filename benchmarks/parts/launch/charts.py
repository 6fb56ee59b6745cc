"""How launching is drawn: p50 and rate by contender, and by the number of agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.charts import Axis, Bar, Bars, Line, Lines
from benchmarks.contenders.floor import FLOOR
from benchmarks.figures import median, middle, pace, rate, ratio, typical
from benchmarks.tables import find

from .verdicts import LIBRARY, MCP, OF_FLOOR, OF_POPEN, POPEN, usual

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.charts import Chart
    from benchmarks.model import Round, Series

    from .levels import Level

#: The keys of what belongs to this project.
_OURS = (LIBRARY, MCP)

_TIME = Axis(label="from asking until the agent is said to run, p50", unit="ms", log=True)
_RATE = Axis(label="agents launched side by side", unit="per s", log=True)
_AGENTS = Axis(label="agents launched, all staying", log=True)


def draw(levels: Sequence[Level], heavy: Sequence[Series]) -> tuple[Chart, ...]:
    """Draw everything.

    Args:
        levels: At least one.
        heavy: With and without memory in the parent.
    """
    some = usual(levels)
    return (
        Bars(
            key="launch-p50",
            title=f"Launching {some.count} agents one after another",
            axis=_TIME,
            bars=bars(some.alone, typical),
            goal=_times(find(some.alone, POPEN), typical, OF_POPEN.limit),
        ),
        Bars(
            key="launch-rate",
            title=f"Launching {some.count} agents side by side",
            axis=_RATE,
            bars=bars(some.many, pace),
            goal=_times(find(some.many, FLOOR), pace, OF_FLOOR.limit),
        ),
        Lines(
            key="launch-p50-by-count",
            title="Launching one after another",
            x=_AGENTS,
            y=_TIME,
            lines=_lines([(one.count, one.alone) for one in levels], lambda one: median(one.times)),
        ),
        Lines(
            key="launch-rate-by-count",
            title="Launching side by side",
            x=_AGENTS,
            y=_RATE,
            lines=_lines([(one.count, one.many) for one in levels], rate),
        ),
        *_heavy(heavy),
    )


def bars(series: Sequence[Series], figure: Callable[[Round], float]) -> tuple[Bar, ...]:
    """Return a bar for each series, with the middle half of its rounds."""
    floor = find(series, FLOOR)
    found: list[Bar] = []
    for one in series:
        rounds = middle([figure(turn) for turn in one.rounds])
        found.append(
            Bar(
                name=one.name,
                value=rounds.value,
                low=rounds.low,
                high=rounds.high,
                ratio=None if floor is None else ratio(one, floor, figure).value,
                ours=one.key.startswith(_OURS),
            )
        )

    return tuple(found)


def _heavy(series: Sequence[Series]) -> tuple[Chart, ...]:
    if not series:
        return ()

    title = "Launching one after another, with and without 500 MB in the parent"
    return (Bars(key="launch-500mb", title=title, axis=_TIME, bars=bars(series, typical)),)


def _times(base: Series | None, figure: Callable[[Round], float], limit: float) -> float | None:
    if base is None:
        return None

    return limit * median([figure(turn) for turn in base.rounds])


def _lines(
    levels: Sequence[tuple[int, Sequence[Series]]], figure: Callable[[Series], float]
) -> tuple[Line, ...]:
    names = {one.key: one.name for _, series in levels for one in series}
    return tuple(
        Line(
            name=name,
            points=tuple(
                (float(count), figure(one))
                for count, series in levels
                if (one := find(series, key)) is not None
            ),
            ours=key.startswith(_OURS),
        )
        for key, name in names.items()
    )
