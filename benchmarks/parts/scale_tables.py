"""What scale has found, as tables and as lines over the number of agents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.charts import Axis, Line, Lines
from benchmarks.figures import median, quantile
from benchmarks.model import Column, Table

from .scale_levels import KEEPERS, NURSERY, QUIET, SERVER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.model import Cell

    from .scale_levels import Level

_MB: Final = 1_000_000
_MS_PER_S: Final = 1000.0
_LATE: Final = 0.95

_X: Final = Axis(label="live agents on one orchestrator", log=True)
_POPEN: Final = "bare Popen"


def times_table(levels: Sequence[Level], names: Mapping[str, str]) -> Table:
    """Lay out what takes time.

    Args:
        levels: What was measured.
        names: Of the houses, by key.
    """
    return Table(
        title="Beside so many live agents",
        columns=(
            Column(name="house"),
            Column(name="agents", digits=0),
            Column(name="launch p50", unit="ms"),
            Column(name="p95", unit="ms"),
            Column(name="÷ Popen", digits=1),
            Column(name="stop p50", unit="ms"),
            Column(name="÷ Popen", digits=1),
            Column(name="status p50", unit="ms"),
            Column(name="after a rest", unit="ms"),
            Column(name="of one", unit="ms"),
            Column(name="end of all", unit="ms", digits=0),
            Column(name="left", digits=0),
        ),
        rows=tuple(_times(level, names[level.house]) for level in levels),
        notes=(
            (
                "Launch, stop: of one more agent, which is stopped politely; Popen is "
                "`subprocess.Popen` and SIGTERM of the same program, in the same turns."
            ),
            (
                "Status: `get_real_task_status` for the task that has all agents, many calls in a "
                "row; after a rest of a second, when the server looks at every agent; and for a "
                "task with one agent, beside all others."
            ),
            (
                "End of all: from end of input until the last process is gone, agents, keepers, "
                "nursery and server; seen from outside by pidfd."
            ),
            f"Left: still there {QUIET:.0f} s after the last end; ended by the benchmark then.",
        ),
    )


def _times(level: Level, name: str) -> tuple[Cell, ...]:
    floor_launch = median([one.launch for one in level.floor])
    floor_stop = median([one.stop for one in level.floor])
    return (
        name,
        level.agents,
        level.launch,
        quantile([one.launch for one in level.probes], _LATE),
        level.launch / floor_launch,
        level.stop,
        level.stop / floor_stop,
        *(median(times) if times else None for times in (level.whole, level.rested, level.alone)),
        level.ended,
        level.left,
    )


def rest_table(levels: Sequence[Level], names: Mapping[str, str]) -> Table:
    """Lay out what it costs while nothing happens.

    Args:
        levels: What was measured.
        names: Of the houses, by key.
    """
    seconds = levels[0].roles[SERVER].seconds if levels else 0.0
    return Table(
        title=f"While nothing happens, for {seconds:g} s",
        columns=(
            Column(name="house"),
            Column(name="agents", digits=0),
            Column(name="server PSS", unit="MB", digits=1),
            Column(name="nursery", unit="MB"),
            Column(name="keeper p50", unit="MB"),
            Column(name="all", unit="MB", digits=1),
            Column(name="all ÷ agents", unit="MB"),
            Column(name="server fds", digits=0),
            Column(name="nursery fds", digits=0),
            Column(name="threads", digits=0),
            Column(name="wake-ups", unit="/s"),
            Column(name="CPU", unit="ms/s", digits=3),
        ),
        rows=tuple(_rest(level, names[level.house]) for level in levels),
        notes=(
            "All: server, nursery and keepers, without the agents themselves; 1 MB = 10⁶ bytes.",
            "Wake-ups and CPU: of all of them together. Threads: of the server.",
        ),
    )


def _rest(level: Level, name: str) -> tuple[Cell, ...]:
    server, nursery, keepers = (level.roles[role] for role in (SERVER, NURSERY, KEEPERS))
    whole = all_memory(level)
    return (
        name,
        level.agents,
        server.pss / _MB,
        nursery.pss / _MB,
        median([one.pss / _MB for one in keepers.after]),
        whole,
        whole / level.agents,
        server.after[0].descriptors,
        sum(one.descriptors for one in nursery.after),
        server.after[0].threads,
        sum(role.wakeups for role in level.roles.values()),
        sum(role.cpu for role in level.roles.values()),
    )


def all_memory(level: Level) -> float:
    """Return the megabytes of server, nursery and keepers together."""
    return sum(role.pss for role in level.roles.values()) / _MB


def charts(levels: Sequence[Level], names: Mapping[str, str]) -> tuple[Lines, ...]:
    """Draw each cost over the number of agents.

    Args:
        levels: What was measured.
        names: Of the houses, by key.
    """

    def lines(figure: Callable[[Level], float], ending: str = "") -> list[Line]:
        return [
            Line(name=f"{name}{ending}", points=_points(levels, key, figure), ours=True)
            for key, name in names.items()
        ]

    first = next(iter(names))
    floor_launch = _points(levels, first, lambda one: median([each.launch for each in one.floor]))
    floor_stop = _points(levels, first, lambda one: median([each.stop for each in one.floor]))
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
            "scale-end",
            "The end of all",
            Axis(label="from end of input until nobody is left", unit="s", log=True),
            lines(lambda one: one.ended / _MS_PER_S),
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
