"""A soak as tables and verdicts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from benchmarks.figures import median
from benchmarks.model import Column, PartResult, Table

from .plan import WAYS
from .samples import samples
from .slope import steady_slope
from .verdicts import judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.model import Cell

    from .model import Finding, LifeReport, SoakReport
    from .plan import Fate

_MB: Final = 1_000_000
_PER: Final = 1000

#: Cycles after which memory should be steady.
_STEADY: Final = 500

#: Findings that are named in words; the rest is in the JSON.
_NAMED: Final = 12

_FATES: Final[Mapping[Fate, str]] = {
    "itself": "ended by itself, at once",
    "told": "ended by itself, later",
    "stopped": "stopped",
    "killed": "stopped without a grace",
    "victim": "its keeper got SIGKILL: lost, as it has to be",
    "left": "ran when its orchestrator ended",
    "flight": "being launched when its orchestrator ended",
    "adopted": "durable: adopted by the next start, then stopped",
    "gap": "durable: ended by itself without an orchestrator",
}


def part_result(report: SoakReport) -> PartResult:
    """Lay a run out as a part of the benchmarks; what is wrong makes it a failure."""
    return PartResult(
        name="soak",
        tables=(
            _ways(report.lives),
            _agents(report.lives),
            _lives(report.lives),
            _growth(report.lives),
            _memory(report.lives),
            _workspaces(report),
        ),
        verdicts=judge(report),
        samples=samples(report),
        failure=failure(report),
    )


def failure(report: SoakReport) -> str | None:
    """Say what is wrong, and how to see it again; None when nothing is."""
    if report.sound:
        return None

    named = [_line(finding) for finding in report.findings[:_NAMED]]
    named += [f"left at the very end: {who}" for who in report.left]
    more = len(report.findings) - _NAMED
    if more > 0:
        named.append(f"and {more} more")

    if report.findings:
        named.append(f"again: {replay(report, report.findings[0])}")

    return "\n".join(named)


def replay(report: SoakReport, finding: Finding) -> str:
    """Return the command that runs the cycle of a finding again, with the same choices."""
    return (
        f"python -m benchmarks.soak --seed {report.seed} --cycles {report.cycles}"
        f" --from-cycle {finding.cycle} --to-cycle {finding.cycle} --lanes 1"
    )


def _line(finding: Finding) -> str:
    return f"{finding.kind}: life {finding.life}, cycle {finding.cycle}: {finding.detail}"


def _ways(lives: Sequence[LifeReport]) -> Table:
    return Table(
        title="Ends of orchestrators",
        columns=(
            Column(name="way"),
            Column(name="n", digits=0),
            Column(name="all gone p50", unit="ms", digits=0),
            Column(name="slowest", unit="ms", digits=0),
            Column(name="went on under keepers", digits=0),
        ),
        rows=tuple(_way(way.name, lives) for way in WAYS),
        notes=(
            (
                "All gone: from the first signal until the kernel says that nobody is left, or "
                "only durable agents with their keepers are."
            ),
            (
                "Went on: the orchestrator ended before its agents' graces were over; their "
                "keepers carried the stops through, and the next start has recorded them."
            ),
        ),
    )


def _way(name: str, lives: Sequence[LifeReport]) -> tuple[Cell, ...]:
    mine = [each for each in lives if each.life.way.name == name]
    times = [each.ending_ms for each in mine]
    return (
        name,
        len(mine),
        _middle(times),
        max((each for each in times if each is not None), default=None),
        sum(each.goes_on for each in mine),
    )


def _agents(lives: Sequence[LifeReport]) -> Table:
    counted: Counter[str] = Counter()
    fell: Counter[str] = Counter()
    for each in lives:
        counted.update(each.agents)
        fell.update(each.fell)

    reaped = ", ".join(f"{name} {count:,}" for name, count in sorted(fell.items())) or "nobody"

    return Table(
        title="Agents",
        columns=(Column(name="what became of them"), Column(name="n", digits=0)),
        rows=(
            *((said, counted[fate]) for fate, said in _FATES.items()),
            ("all", sum(counted.values())),
        ),
        notes=(
            (
                f"Orphans that ended as children of the harness: {reaped}. Keepers and nurseries "
                "fall to it when those above them are killed; nobody else should."
            ),
        ),
    )


def _lives(lives: Sequence[LifeReport]) -> Table:
    kinds = sorted({(each.life.house, each.life.backend) for each in lives})
    return Table(
        title="Orchestrators",
        columns=(
            Column(name="kind"),
            Column(name="lives", digits=0),
            Column(name="cycles", digits=0),
            Column(name="start p50", unit="ms", digits=0),
            Column(name="slowest", unit="ms", digits=0),
            Column(name="compared", digits=0),
            Column(name="descriptors", digits=0),
            Column(name="threads", digits=0),
        ),
        rows=tuple(
            _kind(
                f"{house}, {backend}",
                [e for e in lives if (e.life.house, e.life.backend) == (house, backend)],
            )
            for house, backend in kinds
        ),
        notes=(
            (
                "Descriptors, threads: the largest difference between the rest after the first "
                "cycle and the rest before the end, of the lives that are compared: all with "
                "two cycles or more."
            ),
        ),
    )


def _kind(name: str, lives: Sequence[LifeReport]) -> tuple[Cell, ...]:
    deltas = [each.deltas for each in lives if each.deltas is not None]
    starts = [each.start_ms for each in lives]
    return (
        name,
        len(lives),
        sum(each.cycles for each in lives),
        median(starts),
        max(starts),
        len(deltas),
        _largest(each[0] for each in deltas),
        _largest(each[1] for each in deltas),
    )


def _largest(deltas: Iterable[int]) -> int | None:
    return max(deltas, key=abs, default=None)


def _growth(lives: Sequence[LifeReport]) -> Table:
    short = [each for each in lives if not each.life.long]
    return Table(
        title="Short lives while their registries grow: the first quarter and the last",
        columns=(
            Column(name="kind"),
            Column(name="lives", digits=0),
            Column(name="start p50, first", unit="ms", digits=0),
            Column(name="last", unit="ms", digits=0),
            Column(name="all gone p50, first", unit="ms", digits=0),
            Column(name="last", unit="ms", digits=0),
        ),
        rows=tuple(
            _quarters(house, [each for each in short if each.life.house == house])
            for house in sorted({each.life.house for each in short})
        ),
    )


def _quarters(name: str, lives: Sequence[LifeReport]) -> tuple[Cell, ...]:
    size = max(1, len(lives) // 4)
    first, last = lives[:size], lives[-size:]
    return (
        name,
        len(lives),
        median([each.start_ms for each in first]),
        median([each.start_ms for each in last]),
        _middle(each.ending_ms for each in first),
        _middle(each.ending_ms for each in last),
    )


def _middle(times: Iterable[float | None]) -> float | None:
    known = [each for each in times if each is not None]
    return median(known) if known else None


def _memory(lives: Sequence[LifeReport]) -> Table:
    return Table(
        title="Memory of orchestrators that live long",
        columns=(
            Column(name="kind"),
            Column(name="cycles", digits=0),
            Column(name="RSS at first", unit="MB"),
            Column(name="at last", unit="MB"),
            Column(name="PSS at first", unit="MB"),
            Column(name="at last", unit="MB"),
            Column(name="RSS per 1,000 cycles", unit="MB"),
            Column(name="PSS per 1,000 cycles", unit="MB"),
        ),
        rows=tuple(_long(each) for each in lives if each.life.long and each.samples),
        notes=(
            (
                "Per 1,000 cycles: a straight line through the samples of the second half, in a "
                f"life of {_STEADY} cycles at least; until then an orchestrator fills the memory "
                "in which it keeps its newest 1,000 records."
            ),
            "At rest, between two cycles; 1 MB = 10⁶ bytes.",
        ),
    )


def _long(one: LifeReport) -> tuple[Cell, ...]:
    first, last = one.samples[0], one.samples[-1]
    cycles = [each.cycle for each in one.samples]
    steady = one.cycles >= _STEADY
    rss = steady_slope(cycles, [each.rss for each in one.samples]) if steady else None
    pss = steady_slope(cycles, [each.pss for each in one.samples]) if steady else None
    return (
        f"{one.life.house}, {one.life.backend}",
        one.cycles,
        first.rss / _MB,
        last.rss / _MB,
        first.pss / _MB,
        last.pss / _MB,
        None if rss is None else rss * _PER / _MB,
        None if pss is None else pss * _PER / _MB,
    )


def _workspaces(report: SoakReport) -> Table:
    rows = tuple(
        (
            f"lane {number}",
            each.starts,
            each.agents,
            each.database / _MB,
            each.database / each.agents if each.agents else None,
            each.log / _MB,
        )
        for number, each in enumerate(report.reports, 1)
    )
    return Table(
        title=f"Workspaces; {report.lanes} lanes, {report.done} cycles in {report.seconds:.0f} s",
        columns=(
            Column(name="of"),
            Column(name="starts", digits=0),
            Column(name="agents", digits=0),
            Column(name="registry", unit="MB"),
            Column(name="per agent", unit="bytes", digits=0),
            Column(name="log", unit="MB"),
        ),
        rows=rows,
        notes=("Nothing is ever removed from a registry or a log.",),
    )
