"""Launching: one after another and side by side, few and many, and from a heavy parent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.contenders.bare import ANYIO, POPEN, POSIX_SPAWN
from benchmarks.contenders.floor import FLOOR, the_floor
from benchmarks.contenders.library import TRIO, LibraryContender
from benchmarks.contenders.mcp import McpContender
from benchmarks.contenders.tmux import TmuxContender
from benchmarks.model import PartResult
from benchmarks.parts.base import no_linux
from benchmarks.tables import times_table

from .charts import draw
from .levels import sweep
from .verdicts import judge
from .whole import MEGABYTES, measure_heavy, measure_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.contenders.base import Contender, Session
    from benchmarks.model import Series
    from benchmarks.parts.base import Context

    from .levels import Level

_ALONE = (
    "From asking for the agent until it is said to run, which supervisord says after its fork, "
    "before the program is executed; the program is `sleep`. All that were launched stay until the "
    "turn is over."
)
_MANY = (
    "All wanted at the same moment; from then until each is said to run. The floor, posix_spawn "
    "and Popen start one after the other as fast as they can, the others are asked for all at once."
)
_ONCE = (
    "supervisord (one multicall) and circus (one start of all watchers) answer once, when all run: "
    "the time of each is the time of all."
)
_WHOLE = (
    "The library has by then also seen to it that nobody is left, written the outcome, and "
    "recorded it."
)
_HEAVY = (
    "The memory is touched, so it is really there when the parent forks or spawns. Over MCP it is "
    "the server that holds it: the program `python -m orchestrator`, run in a process that has "
    "filled the memory first; the client is no parent of agents."
)


@dataclass(frozen=True, slots=True)
class Launch:
    """See the module."""

    name: str = "launch"
    summary: str = "launching: one after another, side by side, and to the end of the agent"

    def missing(self) -> str | None:
        """Only where Linux is: the contenders' ends are seen by pidfd."""
        return no_linux()

    def measure(self, context: Context) -> PartResult:
        """Measure everything."""
        contenders: list[Contender[Session]] = [
            the_floor(context.ground),
            *(POSIX_SPAWN, POPEN, ANYIO),
            *(LibraryContender(), TRIO, McpContender(), TmuxContender()),
        ]
        levels, skipped = sweep(contenders, context)
        heavy, no_memory = measure_heavy(context)
        shown = [(*_titles(level), level) for level in levels]
        sections: list[tuple[str, Sequence[Series], tuple[str, ...]]] = []
        for alone, many, level in shown:
            sections.append((alone, level.alone, (_ALONE,)))
            if level.count > 1:
                sections.append((many, level.many, (_MANY, _ONCE)))

        if heavy:
            title = f"Launching one after another, with and without {MEGABYTES} MB in the parent"
            sections.append((title, heavy, (_HEAVY,)))

        title = "Launching an agent that ends at once, until its end is known"
        sections.append((title, measure_whole(context), (_WHOLE,)))
        return PartResult(
            name=self.name,
            tables=tuple(
                times_table(title, series, floor=FLOOR, notes=notes)
                for title, series, notes in sections
            ),
            verdicts=judge(levels),
            skipped=(*skipped, *no_memory),
            series={title: tuple(series) for title, series, _ in sections},
            charts=draw(levels, heavy),
        )


def _titles(level: Level) -> tuple[str, str]:
    if level.count == 1:
        return ("Launching one agent", "")

    return (
        f"Launching {level.count:,} one after another",
        f"Launching {level.count:,} side by side",
    )
