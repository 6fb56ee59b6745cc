"""Every single value that scale has measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.model import Round, Sample, Series
from benchmarks.samples import vital_samples

from .houses import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .levels import Level


def series(levels: Sequence[Level]) -> dict[str, tuple[Series, ...]]:
    """Return every single time, by what was done."""
    found: dict[str, list[Series]] = {}
    for level in levels:
        times: dict[str, Sequence[float]] = {
            "Launch of all": level.fills,
            "End of all": level.ends,
            "One more launch": [one.launch for one in level.probes],
            "The stop of one agent": [one.stop for one in level.probes],
            "One more launch, bare Popen": [one.launch for one in level.floor],
            "Its stop, bare Popen": [one.stop for one in level.floor],
            "Status of all, in a row": level.whole,
            "Status of all, after a rest": level.rested,
            "Status of one, beside all": level.alone,
            "State changes": level.beside.changes,
            "State changes, bare sqlite3": level.beside.bare,
            "Output of one": [one.ours for one in level.beside.writings],
            "Output of one, bare Popen": [one.floor for one in level.beside.writings],
            "The last lines of one": level.beside.tails,
        }
        for title, each in times.items():
            if each:
                one = Series(
                    key=f"{level.house}-{level.agents}",
                    name=f"{NAMES[level.house]}, beside {level.agents:,}",
                    rounds=tuple(Round(times=(time,), wall=time) for time in each),
                )
                found.setdefault(title, []).append(one)

    return {title: tuple(each) for title, each in found.items()}


def samples(levels: Sequence[Level]) -> tuple[Sample, ...]:
    """Return what is no time of something that was done."""
    return tuple(sample for level in levels for sample in _of(level))


def _of(level: Level) -> Iterator[Sample]:
    who = f"{level.house}-{level.agents}"
    cpu = tuple(one.cpu for one in level.beside.writings)
    yield Sample(what="parent's CPU while one writes", who=who, unit="ms", values=cpu)
    yield Sample(what="left at the end", who=who, unit="processes", values=(level.left,))
    for role, watched in level.roles.items():
        for when, vitals in (("before", watched.before), ("after", watched.after)):
            yield from vital_samples(vitals, who=f"{who} {role}", when=when)
