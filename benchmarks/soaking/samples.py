"""Every single value that a soak has measured, for the JSON of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.model import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .model import LifeReport, SoakReport

#: What is kept of an orchestrator at rest, and its unit.
_AT_REST: Final = (("rss", "bytes"), ("pss", "bytes"), ("descriptors", ""), ("threads", ""))

#: What is kept of a lane, and its unit.
_OF_LANE: Final = (("starts", ""), ("agents", ""), ("database", "bytes"), ("log", "bytes"))


def samples(report: SoakReport) -> tuple[Sample, ...]:
    """Return all of them, life by life and lane by lane."""
    return (
        *(sample for life in report.lives for sample in _of(life)),
        *(
            Sample(what=name, who=f"lane {number}", unit=unit, values=(getattr(lane, name),))
            for number, lane in enumerate(report.reports, 1)
            for name, unit in _OF_LANE
        ),
    )


def _of(one: LifeReport) -> Iterator[Sample]:
    life = one.life
    who = f"life {life.number}: {life.house}, {life.backend}, {life.way.name}"
    yield Sample(what="start", who=who, unit="ms", values=(one.start_ms,))
    yield Sample(what="all gone", who=who, unit="ms", values=(one.ending_ms,))
    yield Sample(what="cycles", who=who, unit="", values=(one.cycles,))
    for fate, agents in one.agents.items():
        yield Sample(what=f"agents, {fate}", who=who, unit="", values=(agents,))

    for place, deltas in (("orchestrator", one.deltas), ("nursery", one.nursery_deltas)):
        if deltas is not None:
            what = f"more descriptors and threads, {place}"
            yield Sample(what=what, who=who, unit="", values=deltas)

    for name, unit in _AT_REST if one.samples else ():
        values = tuple(float(getattr(each, name)) for each in one.samples)
        yield Sample(what=f"{name} at rest", who=who, unit=unit, values=values)
