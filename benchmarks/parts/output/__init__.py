"""Output: an agent that writes a lot, and reading it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.charts import Axis, Bar, Bars
from benchmarks.figures import median, middle, noise, ratio, typical
from benchmarks.model import Column, PartResult, Sample, Table, Target
from benchmarks.parts.base import no_linux
from benchmarks.rounds import Entrant, take_turns
from benchmarks.tables import find

from .pour import FILE, LIBRARY, MCP, MIB, TMUX_SHARE, Pourer, open_pourers
from .reading import measure_reading
from .tap import Tap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.model import Cell, Series, Verdict
    from benchmarks.parts.base import Context

#: Of the larger amount this part is written as well, to see what grows with the bytes.
SHARE: Final = 8

_PART: Final = f"{LIBRARY}-part"
_MB_PER_GIB: Final = 1024 * MIB / 1e6
_MIB_PER_GIB: Final = 1024
_MS_PER_S: Final = 1000.0

_THROUGHPUT = Target(
    name="throughput of an agent of launch() ÷ file's descriptor: 1.0 but for 5 % of noise",
    bound="at least",
    limit=0.95,
    unit="times",
)
_CPU = Target(
    name=f"CPU of orchestrator, nursery and keeper: {SHARE} times the bytes take more by",
    bound="at most",
    limit=5,
    unit="ms",
)


@dataclass(frozen=True, slots=True)
class Output:
    """See the module."""

    name: str = "output"
    summary: str = "an agent that writes a lot: throughput, the parent's CPU, reading it over MCP"

    def missing(self) -> str | None:
        """Only Linux tells what others run, and where their output goes."""
        return no_linux()

    def measure(self, context: Context) -> PartResult:
        """Measure writing, then reading."""
        plan, ground = context.plan, context.ground
        with Tap(ground) as tap, ExitStack() as stack:
            pourers, skipped = open_pourers(ground, tap, stack, mib=plan.poured)
            library = next(one for one in pourers if one.key == LIBRARY)
            pourers.append(library.part(_PART, f"{library.name}, less", SHARE))
            for pourer in pourers:
                pourer.cpu.clear()

            series = take_turns(
                [Entrant(one.key, one.name, one) for one in pourers],
                Pourer.turn,
                rounds=plan.pours,
                what=f"output, {plan.poured} MiB",
                steps=context.steps,
            )

        with Tap(ground) as tap:
            reading, read = measure_reading(context, tap)

        title = "An agent that writes to standard output"
        return PartResult(
            name=self.name,
            tables=(_table(title, series, pourers), reading),
            verdicts=judge(series, {one.key: one.cpu for one in pourers}),
            skipped=skipped,
            series={f"{title}, ms for each GiB": series},
            samples=(
                *(
                    Sample(what="parent's CPU", who=one.key, unit="ms", values=tuple(one.cpu))
                    for one in pourers
                ),
                *read,
            ),
            charts=_charts(series, pourers),
        )


def judge(series: Sequence[Series], cpu: dict[str, list[float]]) -> tuple[Verdict, ...]:
    """Compare with the targets.

    Args:
        series: Milliseconds for each GiB.
        cpu: Milliseconds that the house ran in each turn, by the keys of the series.
    """
    library, floor = find(series, LIBRARY), find(series, FILE)
    throughput = None
    detail = ""
    if library is not None and floor is not None:
        found = ratio(floor, library, typical)
        throughput = found.value
        detail = f"half of the rounds: {found.low:.2f} to {found.high:.2f}"

    whole, part = median(cpu[LIBRARY]), median(cpu[_PART])
    return (
        _THROUGHPUT.judge(throughput, detail=detail),
        _CPU.judge(whole - part, detail=f"{whole:.2f} ms against {part:.2f} ms"),
    )


def _table(title: str, series: Sequence[Series], pourers: Sequence[Pourer]) -> Table:
    floor = find(series, FILE)
    return Table(
        title=title,
        columns=(
            Column(name="contender"),
            Column(name="n", digits=0),
            Column(name="written", unit="MiB", digits=0),
            Column(name="throughput p50", unit="MB/s", digits=0),
            Column(name="noise", unit="±%", digits=0),
            Column(name="÷ floor", digits=3),
            Column(name="parent's CPU", unit="ms"),
            Column(name="parent's CPU", unit="ms/GiB", digits=1),
        ),
        rows=tuple(_row(one, floor, pourer) for one, pourer in zip(series, pourers, strict=True)),
        notes=(
            (
                "From telling the agent until all of it is in its file, which is emptied after "
                "each turn; nothing is flushed to the disk. 1 MB = 10⁶ bytes."
            ),
            (
                "Parent's CPU: of every process of the contender but the agent; for this project "
                "orchestrator, nursery and keeper together. Median over the rounds."
            ),
            (
                f"tmux writes one part in {TMUX_SHARE}, at least 1 MiB, and its figures are scaled "
                "up; what it writes is longer by a byte for each line, which is not counted."
            ),
        ),
    )


def _row(series: Series, floor: Series | None, pourer: Pourer) -> tuple[Cell, ...]:
    ran = median(pourer.cpu)
    return (
        series.name,
        len(series.times),
        pourer.mib,
        _throughput(median(series.times)),
        noise(series),
        None if floor is None else ratio(floor, series, typical).value,
        ran,
        ran / pourer.mib * _MIB_PER_GIB,
    )


def _throughput(ms_per_gib: float) -> float:
    """Return MB/s."""
    return _MB_PER_GIB / ms_per_gib * _MS_PER_S


def _charts(series: Sequence[Series], pourers: Sequence[Pourer]) -> tuple[Bars, ...]:
    floor = find(series, FILE)
    speeds: list[Bar] = []
    costs: list[Bar] = []
    for one, pourer in zip(series, pourers, strict=True):
        if one.key == _PART:
            continue

        ours = one.key in {LIBRARY, MCP}
        around = middle([_throughput(typical(each)) for each in one.rounds])
        speeds.append(
            Bar(
                name=one.name,
                value=around.value,
                low=around.low,
                high=around.high,
                ratio=None if floor is None else ratio(floor, one, typical).value,
                ours=ours,
            )
        )
        ran = middle([each / pourer.mib * _MIB_PER_GIB for each in pourer.cpu])
        costs.append(Bar(name=one.name, value=ran.value, low=ran.low, high=ran.high, ours=ours))

    speed = median([_throughput(time) for time in floor.times]) if floor is not None else None
    return (
        Bars(
            key="output-throughput",
            title="An agent that writes to standard output",
            axis=Axis(label="throughput, p50", unit="MB/s"),
            bars=tuple(speeds),
            goal=None if speed is None else _THROUGHPUT.limit * speed,
        ),
        Bars(
            key="output-cpu",
            title="What its parent runs meanwhile",
            axis=Axis(label="CPU of all but the agent, p50", unit="ms/GiB"),
            bars=tuple(costs),
        ),
    )
