"""Scale: how each cost grows with the number of live agents on one orchestrator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.figures import median
from benchmarks.model import PartResult, Round, Series, Skipped, Target

from .base import no_linux
from .scale_houses import open_library, open_mcp
from .scale_levels import climb, no_room
from .scale_tables import charts, rest_table, times_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from benchmarks.ground import Ground
    from benchmarks.model import Verdict

    from .base import Context
    from .scale_houses import House
    from .scale_levels import Level

LIBRARY: Final = "library"
MCP: Final = "mcp"

#: What they are called in tables.
NAMES: Final = {LIBRARY: "launch(), asyncio", MCP: "MCP server"}

_HOUSES: Final[dict[str, Callable[[Ground], AbstractContextManager[House]]]] = {
    LIBRARY: open_library,
    MCP: open_mcp,
}

#: By how much a launch, and a status call, may take longer than with one agent.
_LAUNCH_GROWTH: Final = 2.0
_STATUS_GROWTH: Final = 5.0


@dataclass(frozen=True, slots=True)
class Scale:
    """See the module."""

    name: str = "scale"
    summary: str = "many live agents on one orchestrator: how each cost grows with their number"

    def missing(self) -> str | None:
        """Only Linux counts all of it."""
        return no_linux()

    def measure(self, context: Context) -> PartResult:
        """Fill one orchestrator after the other, each with more agents."""
        numbers = context.plan.scaled
        reasons = {number: no_room(number) for number in numbers}
        skipped = [
            Skipped(name=f"{number:,} agents", reason=reason)
            for number, reason in reasons.items()
            if reason is not None
        ]
        levels: list[Level] = []
        context.steps.begin("scale", len(_HOUSES) * (len(numbers) - len(skipped)))
        for number in numbers:
            if reasons[number] is not None:
                continue

            for key, opened in _HOUSES.items():
                with opened(context.ground) as house:
                    levels.append(climb(key, house, number, context))

                context.steps.advance()

        return PartResult(
            name=self.name,
            tables=(times_table(levels, NAMES), rest_table(levels, NAMES)),
            verdicts=judge(levels, numbers),
            skipped=tuple(skipped),
            series=_series(levels),
            charts=charts(levels, NAMES),
        )


def judge(levels: Sequence[Level], numbers: Sequence[int]) -> tuple[Verdict, ...]:
    """Compare the most agents with the fewest.

    Args:
        levels: What was measured.
        numbers: What was to be measured; a number without a level was out of reach.
    """
    few, many = min(numbers), max(numbers)
    by = {(one.house, one.agents): one for one in levels}
    verdicts: list[Verdict] = []
    for key, name in NAMES.items():
        low, high = by.get((key, few)), by.get((key, many))
        left = Target(
            name=f"processes left of {many:,} agents at the end, {name}",
            bound="at most",
            limit=0,
            unit="processes",
        )
        launch = Target(
            name=f"one more launch beside {many:,} agents ÷ beside {few}, p50, {name}",
            bound="at most",
            limit=_LAUNCH_GROWTH,
            unit="times",
        )
        if low is None or high is None:
            verdicts += [one.judge(None, detail="out of reach here") for one in (left, launch)]
            continue

        floors = [median([one.launch for one in level.floor]) for level in (low, high)]
        verdicts += [
            left.judge(high.left),
            launch.judge(
                high.launch / low.launch,
                detail=f"{low.launch:.1f} to {high.launch:.1f} ms; bare Popen meanwhile "
                f"{floors[1] / floors[0]:.2f} times",
            ),
        ]

    return (*verdicts, *_judge_status(by.get((MCP, few)), by.get((MCP, many)), few, many))


def _judge_status(
    low: Level | None, high: Level | None, few: int, many: int
) -> tuple[Verdict, ...]:
    """Compare status calls: in a row, and after a rest, when the server looks at every agent."""
    verdicts: list[Verdict] = []
    for how, field in (("in a row", "whole"), ("after a rest", "rested")):
        target = Target(
            name=f"status of {many:,} live agents ÷ of {few}, {how}, p50",
            bound="at most",
            limit=_STATUS_GROWTH,
            unit="times",
        )
        if low is None or high is None:
            verdicts.append(target.judge(None, detail="out of reach here"))
            continue

        before, after = median(getattr(low, field)), median(getattr(high, field))
        detail = f"{before:.2f} to {after:.2f} ms"
        verdicts.append(target.judge(after / before, detail=detail))

    return tuple(verdicts)


def _series(levels: Sequence[Level]) -> dict[str, tuple[Series, ...]]:
    """Every single time, by what was done."""
    found: dict[str, list[Series]] = {}
    for level in levels:
        times: dict[str, Sequence[float]] = {
            "One more launch": [one.launch for one in level.probes],
            "The stop of one agent": [one.stop for one in level.probes],
            "One more launch, bare Popen": [one.launch for one in level.floor],
            "Its stop, bare Popen": [one.stop for one in level.floor],
            "Status of all, in a row": level.whole,
            "Status of all, after a rest": level.rested,
            "Status of one, beside all": level.alone,
        }
        for title, each in times.items():
            if each:
                series = Series(
                    key=f"{level.house}-{level.agents}",
                    name=f"{NAMES[level.house]}, beside {level.agents:,}",
                    rounds=tuple(Round(times=(one,), wall=one) for one in each),
                )
                found.setdefault(title, []).append(series)

    return {title: tuple(series) for title, series in found.items()}
