"""The figures of the registry: tables, charts, and whether they are what they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.charts import Axis, Line, Lines
from benchmarks.figures import median, noise, quantile, ratio, typical
from benchmarks.model import Column, Table, Target
from benchmarks.workers.registry_records import CHANGES as CHANGES_OF_LIFE

from .stores import BARE, CHANGES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.model import Round, Series, Verdict

    from .stores import Store

_MS_PER_S = 1000.0
_LATE = 0.99
_VERY_LATE = 0.999

#: The agents on record, from left to right.
ON_RECORD: Final = Axis(label="agents on record", log=True)

_P99 = Target(
    name="p99 of a state change, most agents on record", bound="at most", limit=1, unit="ms"
)
_FLAT = Target(
    name="state changes per second, fewest agents on record ÷ most",
    bound="at most",
    limit=1.2,
    unit="times",
)


def on_record(series: Series) -> int:
    """Return how many agents were on record, by the key."""
    return int(series.key.rpartition("-")[2])


def of_kind(series: Sequence[Series], kind: str) -> list[Series]:
    """Return the series of one kind, the fewest agents first."""
    found = [one for one in series if one.key.rpartition("-")[0] == kind]
    return sorted(found, key=on_record)


def pace_of_lives(one: Round) -> float:
    """Return the changes per second of the middle life of a round.

    Who is kept from running in the middle of a change is slow for that, and not for what is on
    record; so the rate is that of the middle life, and not of all together.
    """
    lives = max(1, len(one.times) // len(CHANGES_OF_LIFE))
    middle_life = median([sum(one.times[number::lives]) for number in range(lives)])
    return len(CHANGES_OF_LIFE) / middle_life * _MS_PER_S


def judge_changes(series: Sequence[Series]) -> tuple[Verdict, ...]:
    """Compare the changes of the registry with the targets."""
    ours = of_kind(series, CHANGES)
    p99s = {on_record(one): quantile(one.times, _LATE) for one in ours}
    flat = ratio(ours[0], ours[-1], pace_of_lives)
    by_count = ", ".join(f"{count:,}: {p99:.2f} ms" for count, p99 in p99s.items())
    floor = quantile(of_kind(series, BARE)[-1].times, _LATE)
    return (
        _P99.judge(p99s[on_record(ours[-1])], detail=f"{by_count}; bare sqlite3: {floor:.2f} ms"),
        _FLAT.judge(flat.value, detail=f"half of the rounds: {flat.low:.2f} to {flat.high:.2f}"),
    )


def changes_table(series: Sequence[Series]) -> Table:
    """Lay out state changes: quantiles, rate, and both against the floor and the fewest agents."""
    floors = {on_record(one): one for one in of_kind(series, BARE)}
    fewest = {kind: of_kind(series, kind)[0] for kind in (CHANGES, BARE)}
    return Table(
        title="State changes",
        columns=(
            Column(name="store"),
            Column(name="n", digits=0),
            Column(name="p50", unit="ms", digits=3),
            Column(name="p99", unit="ms", digits=3),
            Column(name="p99.9", unit="ms", digits=3),
            Column(name="noise", unit="±%", digits=0),
            Column(name="rate", unit="/s", digits=0),
            Column(name="p50 ÷ floor", digits=1),
            Column(name="rate, fewest ÷ this"),
        ),
        rows=tuple(
            (
                one.name,
                len(one.times),
                median(one.times),
                quantile(one.times, _LATE),
                quantile(one.times, _VERY_LATE),
                noise(one),
                median([pace_of_lives(each) for each in one.rounds]),
                ratio(one, floors[on_record(one)], typical).value,
                ratio(fewest[one.key.rpartition("-")[0]], one, pace_of_lives).value,
            )
            for one in series
        ),
        notes=(
            (
                "A life is four changes, as supervision makes them: added with its limits, "
                "running, stopping, exited. Each is a transaction; both stores use WAL and "
                "synchronous=NORMAL. Rate: that of the middle life of a turn."
            ),
            (
                "What is on record are agents of the same orchestrator without a task, all ended. "
                "Each turn works on a fresh copy, after changes that are not timed."
            ),
        ),
    )


def kinds_table(stores: Sequence[Store]) -> Table:
    """Lay out which change of a life takes how long."""
    return Table(
        title="State changes, each by itself",
        columns=(
            Column(name="change"),
            *(Column(name=f"p50 at {one.count:,}", unit="ms", digits=3) for one in stores),
            *(Column(name=f"p99 at {one.count:,}", unit="ms", digits=3) for one in stores),
        ),
        rows=tuple(
            (
                change,
                *(median(one.kinds[change]) for one in stores),
                *(quantile(one.kinds[change], _LATE) for one in stores),
            )
            for change in stores[0].kinds
        ),
    )


def written(series: Sequence[Series], cpu: Sequence[Sequence[float]]) -> Table:
    """Lay out what writing the JSON files takes.

    Args:
        series: One for each number of agents on record.
        cpu: CPU milliseconds of each writing, in the same order.
    """
    return Table(
        title="Writing the JSON files after a change",
        columns=(
            Column(name="agents on record", digits=0),
            Column(name="n", digits=0),
            Column(name="p50", unit="ms", digits=1),
            Column(name="p99", unit="ms", digits=1),
            Column(name="CPU p50", unit="ms", digits=1),
        ),
        rows=tuple(
            (
                f"{on_record(one):,}",
                len(one.times),
                median(one.times),
                quantile(one.times, _LATE),
                median(ran),
            )
            for one, ran in zip(series, cpu, strict=True)
        ),
        notes=(
            (
                "Both files, after one task of twenty agents has changed. An orchestrator writes "
                "them for all changes since the last time together, and then not for ten times as "
                "long as that took: this is the cost of a lone change, and of many at most one "
                "eleventh of the time."
            ),
            "While they are written, the orchestrator does nothing else.",
        ),
    )


def changes_charts(series: Sequence[Series], projected: Sequence[Series]) -> tuple[Lines, ...]:
    """Draw how changes and the projection grow with the agents on record."""
    both = (("Registry", CHANGES, True), ("bare sqlite3 UPDATE (floor)", BARE, False))

    def lines(figure: Callable[[Series], float]) -> tuple[Line, ...]:
        return tuple(
            Line(name=name, points=points(of_kind(series, kind), figure), ours=ours)
            for name, kind, ours in both
        )

    return (
        Lines(
            key="registry-rate",
            title="State changes per second",
            x=ON_RECORD,
            y=Axis(label="state changes", unit="per s", log=True),
            lines=lines(lambda one: median([pace_of_lives(each) for each in one.rounds])),
        ),
        Lines(
            key="registry-p99",
            title="The slowest of a hundred state changes",
            x=ON_RECORD,
            y=Axis(label="state change, p99", unit="ms", log=True),
            lines=lines(lambda one: quantile(one.times, _LATE)),
        ),
        Lines(
            key="registry-projection",
            title="Writing the JSON files after a change",
            x=ON_RECORD,
            y=Axis(label="both files, p50", unit="ms", log=True),
            lines=(
                Line(
                    name="projection",
                    points=points(projected, lambda one: median(one.times)),
                    ours=True,
                ),
            ),
        ),
    )


def points(
    series: Sequence[Series], figure: Callable[[Series], float]
) -> tuple[tuple[float, float], ...]:
    """Return a figure by how many agents were on record."""
    return tuple((float(on_record(one)), figure(one)) for one in series)
