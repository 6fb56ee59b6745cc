"""What idling should cost: nothing that repeats, and little memory for each agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.figures import median
from benchmarks.model import Target

from .houses import BARE, cpu, find, of_house, wakeups, weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.model import Verdict

    from .houses import Memory, Rest

#: Those that are judged, and what they are called.
JUDGED: Final = {"library": "library", "mcp": "MCP server"}

#: Per cent of a core.
CPU_LIMIT: Final = 0.01

#: MB for each agent.
MEMORY_LIMIT: Final = 1.0

_MB: Final = 1e6


def judge(found: Sequence[Rest], memory: Sequence[Memory]) -> tuple[Verdict, ...]:
    """Compare the library and the MCP server with the targets; the floor is named beside them."""
    floor = of_house(found, BARE.key)
    woken_floor = f"bare parent: {wakeups(floor):.2f}" if floor else ""
    ran_floor = f"bare parent: {cpu(floor):.4f} %" if floor else ""
    verdicts: list[Verdict] = []
    for key, name in JUDGED.items():
        rests = of_house(found, key)
        woken = Target(
            name=f"wake-ups at idle, {name} with nursery and keepers",
            bound="at most",
            limit=0,
            unit="per s",
        )
        ran = Target(
            name=f"CPU at idle, {name} with nursery and keepers",
            bound="at most",
            limit=CPU_LIMIT,
            unit="% of a core",
        )
        heavy = Target(
            name=f"memory (PSS) that each agent adds to the {name}, keeper and all",
            bound="at most",
            limit=MEMORY_LIMIT,
            unit="MB",
        )
        weighed = find(memory, key)
        verdicts += (
            woken.judge(wakeups(rests) if rests else None, detail=woken_floor),
            ran.judge(cpu(rests) if rests else None, detail=ran_floor),
            heavy.judge(
                None if weighed is None else weighed.per_agent, detail=_weights(weighed, memory)
            ),
        )

    return tuple(verdicts)


def _weights(memory: Memory | None, everyone: Sequence[Memory]) -> str:
    """Say what the keepers weigh, and the whole against a bare parent of as many children."""
    details: list[str] = []
    if memory is not None and memory.keepers:
        keeper = median([one.pss for one in memory.keepers]) / _MB
        details.append(f"the keeper alone: {keeper:.2f} MB")

    bare = find(everyone, BARE.key)
    if memory is not None and bare is not None:
        details.append(
            f"all of it {weight(memory.full):.1f} MB, a bare parent {weight(bare.full):.1f} MB"
        )

    return "; ".join(details)
