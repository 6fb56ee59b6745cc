"""The figures of idling, as bars, against a bare parent of as many children."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.charts import Axis, Bar, Bars

from .houses import BARE, OURS, cpu, find, of_house, open_files, wakeups, weight
from .verdicts import CPU_LIMIT, MEMORY_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .houses import Memory, Rest


def charts(found: Sequence[Rest], memory: Sequence[Memory]) -> tuple[Bars, ...]:
    """Draw what runs, and what is held, while nothing happens."""
    return (
        Bars(
            key="idle-wakeups",
            title="Wake-ups while nothing happens",
            axis=Axis(label="wake-ups of the house", unit="per s"),
            bars=_at_rest(found, wakeups),
        ),
        Bars(
            key="idle-cpu",
            title="CPU while nothing happens",
            axis=Axis(label="CPU of the house", unit="% of a core"),
            bars=_at_rest(found, cpu),
            goal=CPU_LIMIT,
        ),
        Bars(
            key="idle-memory",
            title="Memory that each agent adds",
            axis=Axis(label="PSS, the agent itself left out", unit="MB"),
            bars=tuple(
                Bar(name=one.name, value=one.per_agent, ours=one.house in OURS) for one in memory
            ),
            goal=MEMORY_LIMIT,
        ),
        Bars(
            key="idle-house",
            title="Memory of the house with all its agents",
            axis=Axis(label="PSS, the agents themselves left out", unit="MB"),
            bars=_weighed(memory, lambda one: weight(one.full)),
        ),
        Bars(
            key="idle-descriptors",
            title="Descriptors of the house with all its agents",
            axis=Axis(label="open, those of the agents left out"),
            bars=_weighed(memory, lambda one: open_files(one.full)),
        ),
    )


def _at_rest(found: Sequence[Rest], figure: Callable[[Sequence[Rest]], float]) -> tuple[Bar, ...]:
    """Return a bar for each house, all of it together."""
    floor = figure(of_house(found, BARE.key))
    return tuple(
        _bar(name, house, figure(of_house(found, house)), floor)
        for house, name in {one.house: one.name for one in found}.items()
    )


def _weighed(memory: Sequence[Memory], figure: Callable[[Memory], float]) -> tuple[Bar, ...]:
    bare = find(memory, BARE.key)
    floor = 0.0 if bare is None else figure(bare)
    return tuple(_bar(one.name, one.house, figure(one), floor) for one in memory)


def _bar(name: str, house: str, value: float, floor: float) -> Bar:
    """Return one bar; what nobody has at least is no multiple of it."""
    ratio = value / floor if floor else None
    return Bar(name=name, value=value, ratio=ratio, ours=house in OURS)
