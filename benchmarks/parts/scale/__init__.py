"""Scale: how each cost grows with the number of live agents on one orchestrator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.model import PartResult, Skipped
from benchmarks.parts.base import no_linux

from .beside import open_stage
from .charts import charts
from .houses import LIBRARY, MCP, open_library, open_mcp
from .levels import climb, climb_again, no_room
from .samples import samples, series
from .tables import beside_table, rest_table, times_table
from .verdicts import judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from benchmarks.ground import Ground
    from benchmarks.parts.base import Context

    from .beside import Stage
    from .houses import House
    from .levels import Level

_HOUSES: Final[dict[str, Callable[[Ground, Path], AbstractContextManager[House]]]] = {
    LIBRARY: open_library,
    MCP: open_mcp,
}


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
        there = [
            (number, rounds)
            for number, rounds in zip(numbers, context.plan.scale_rounds, strict=True)
            if reasons[number] is None
        ]
        context.steps.begin("scale", len(_HOUSES) * sum(rounds for _, rounds in there))
        levels: list[Level] = []
        with open_stage(context.ground) as stage:
            for number, rounds in there:
                levels += _climb_all(number, rounds, stage, context)

        return PartResult(
            name=self.name,
            tables=(times_table(levels), beside_table(levels), rest_table(levels)),
            verdicts=judge(levels, numbers),
            skipped=tuple(skipped),
            series=series(levels),
            samples=samples(levels),
            charts=charts(levels),
        )


def _climb_all(number: int, rounds: int, stage: Stage, context: Context) -> list[Level]:
    """Measure both houses with so many agents; what is launched and ended again, in turns."""
    levels: dict[str, Level] = {}
    for _ in range(rounds):
        for key, opened in _HOUSES.items():
            with opened(context.ground, stage.program) as house:
                if key in levels:
                    levels[key] = climb_again(levels[key], house, context=context)
                else:
                    levels[key] = climb(key, house, number, stage=stage, context=context)

            context.steps.advance()

    return list(levels.values())
