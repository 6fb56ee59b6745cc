"""What scale has found, as lines over the number of agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.charts import Axis, Line, Lines
from benchmarks.figures import median, quantile

from .houses import LIBRARY, MCP, NAMES, TAIL
from .tables import all_memory
from .verdicts import CHANGE_LIMIT, LATE, speed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .levels import Level

_MS_PER_S: Final = 1000.0

_X: Final = Axis(label="live agents on one orchestrator", log=True)
_POPEN: Final = "bare Popen"


def charts(levels: Sequence[Level]) -> tuple[Lines, ...]:
    """Draw each cost over the number of agents."""

    def lines(figure: Callable[[Level], float], ending: str = "") -> list[Line]:
        return [
            Line(name=f"{name}{ending}", points=_points(levels, key, figure), ours=True)
            for key, name in NAMES.items()
        ]

    floor_launch = _points(levels, LIBRARY, lambda one: median([each.launch for each in one.floor]))
    floor_stop = _points(levels, LIBRARY, lambda one: median([each.stop for each in one.floor]))
    return (
        _chart(
            "scale-launch",
            "One more launch, beside so many agents",
            Axis(label="until it is said to run, p50", unit="ms", log=True),
            [*lines(lambda one: one.launch), Line(name=_POPEN, points=floor_launch)],
        ),
        _chart(
            "scale-stop",
            "The stop of one agent, beside so many others",
            Axis(label="until it is known to be gone, p50", unit="ms", log=True),
            [*lines(lambda one: one.stop), Line(name=_POPEN, points=floor_stop)],
        ),
        _chart(
            "scale-status",
            "get_real_task_status over MCP",
            Axis(label="until the answer is read, p50", unit="ms", log=True),
            _status_lines(levels),
        ),
        _chart(
            "scale-memory",
            "Memory for each agent: server, nursery and keepers, divided by the agents",
            Axis(label="PSS ÷ agents", unit="MB", log=True),
            lines(lambda one: all_memory(one) / one.agents),
        ),
        _chart(
            "scale-fill",
            "The launch of all, 20 at a time",
            Axis(label="until the last one is said to run, p50", unit="s", log=True),
            lines(lambda one: one.filled / _MS_PER_S),
        ),
        _chart(
            "scale-end",
            "The end of all",
            Axis(label="from end of input until nobody is left", unit="s", log=True),
            lines(lambda one: one.ended / _MS_PER_S),
        ),
        *_beside_charts(levels),
    )


def _beside_charts(levels: Sequence[Level]) -> tuple[Lines, ...]:
    """Draw what other work costs meanwhile."""
    descriptor = _points(levels, LIBRARY, lambda one: speed(one, floor=True))
    changes = _points(levels, LIBRARY, lambda one: quantile(one.beside.changes, LATE))
    bare = _points(levels, LIBRARY, lambda one: quantile(one.beside.bare, LATE))
    tails = _points(levels, MCP, lambda one: median(one.beside.tails))
    return (
        Lines(
            key="scale-change",
            title="State changes in the registry, beside so many live agents",
            x=_X,
            y=Axis(label="the slowest of a hundred, p99", unit="ms", log=True),
            lines=(
                Line(name=f"Registry of {NAMES[LIBRARY]}", points=changes, ours=True),
                Line(name="bare sqlite3, one UPDATE", points=bare),
            ),
            goal=CHANGE_LIMIT,
            bound="at most",
        ),
        _chart(
            "scale-output",
            "Throughput of one agent's output, beside so many others",
            Axis(label="throughput, p50", unit="MB/s"),
            [
                *(
                    Line(name=name, points=_points(levels, key, speed), ours=True)
                    for key, name in NAMES.items()
                ),
                Line(name="file's descriptor, bare Popen", points=descriptor),
            ],
        ),
        _chart(
            "scale-tail",
            f"get_agent_output of the last {TAIL} lines of one, beside so many others",
            Axis(label="until the answer is read, p50", unit="ms", log=True),
            [Line(name=NAMES[MCP], points=tails, ours=True)],
        ),
    )


def _status_lines(levels: Sequence[Level]) -> list[Line]:
    kinds: tuple[tuple[str, Callable[[Level], Sequence[float]]], ...] = (
        ("of all, in a row", lambda one: one.whole),
        ("of all, after a rest", lambda one: one.rested),
        ("of one, beside all others", lambda one: one.alone),
    )
    return [
        Line(
            name=name,
            points=tuple((one.agents, median(times(one))) for one in levels if times(one)),
            ours=True,
        )
        for name, times in kinds
    ]


def _points(
    levels: Sequence[Level], house: str, figure: Callable[[Level], float]
) -> tuple[tuple[float, float], ...]:
    return tuple((one.agents, figure(one)) for one in levels if one.house == house)


def _chart(key: str, title: str, y: Axis, lines: Sequence[Line]) -> Lines:
    return Lines(key=key, title=title, x=_X, y=y, lines=tuple(lines))
