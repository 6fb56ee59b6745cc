"""The soak as a part: few cycles of what ``python -m benchmarks.soak`` does for hours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.soaking.conduct import Asked, conduct, default_lanes
from benchmarks.soaking.tables import part_result

from .base import no_linux

if TYPE_CHECKING:
    from benchmarks.model import PartResult

    from .base import Context

#: Always the same: what is found in one run is there in the next.
_SEED: Final = 1

#: Cycles that a lane is worth: it costs two starts at least.
_CYCLES_PER_LANE: Final = 4


@dataclass(frozen=True, slots=True)
class Soak:
    """See the module."""

    name: str = "soak"
    summary: str = "orchestrators started and ended in every way: processes, ends, lines, growth"

    def missing(self) -> str | None:
        """Only Linux has a subreaper to count for."""
        return no_linux()

    def measure(self, context: Context) -> PartResult:
        """Run a few cycles; only an orchestrator that breaks is a failure, the rest are figures."""
        cycles = context.plan.soak_cycles
        lanes = max(1, min(default_lanes(), cycles // _CYCLES_PER_LANE))
        asked = Asked(seed=_SEED, cycles=cycles, lanes=lanes)
        report = conduct(asked, context.ground, context.steps)
        result = part_result(report)
        if any(finding.kind == "broken" for finding in report.findings):
            return result

        return result.model_copy(update={"failure": None})
