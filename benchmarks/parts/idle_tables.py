"""The figures of idling: tables, charts, and whether they are what they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.charts import Axis, Bar, Bars
from benchmarks.figures import median
from benchmarks.model import Column, Table, Target

from .idle_houses import OURS, weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.model import Cell, Verdict
    from benchmarks.plan import Plan

    from .idle_houses import Memory, Rest

#: Those that are judged, and what they are called.
JUDGED: Final = {"library": "library", "mcp": "MCP server"}

#: Per cent of a core, for each millisecond that is run in a second.
_PERCENT: Final = 0.1
_MB: Final = 1e6

_CPU_LIMIT: Final = 0.01
_MEMORY_LIMIT: Final = 1.0


def judge(found: Sequence[Rest], memory: Sequence[Memory]) -> tuple[Verdict, ...]:
    """Compare the library and the MCP server with the targets."""
    verdicts: list[Verdict] = []
    for key, name in JUDGED.items():
        of_house = [one for one in found if one.house == key]
        woken = Target(
            name=f"wake-ups at idle, {name} with nursery and keepers",
            bound="at most",
            limit=0,
            unit="per s",
        )
        ran = Target(
            name=f"CPU at idle, {name} with nursery and keepers",
            bound="at most",
            limit=_CPU_LIMIT,
            unit="% of a core",
        )
        heavy = Target(
            name=f"memory (PSS) that each agent adds to the {name}, keeper and all",
            bound="at most",
            limit=_MEMORY_LIMIT,
            unit="MB",
        )
        weighed = next((one for one in memory if one.house == key), None)
        verdicts += (
            woken.judge(sum(one.wakeups for one in of_house) if of_house else None),
            ran.judge(_cpu(of_house) if of_house else None),
            heavy.judge(None if weighed is None else weighed.per_agent, detail=_keeper(weighed)),
        )

    return tuple(verdicts)


def rest_table(plan: Plan, found: Sequence[Rest]) -> Table:
    """Lay out what runs while nothing happens."""
    return Table(
        title=f"{plan.idlers} agents that do nothing, watched for {plan.idle_seconds:g} s",
        columns=(
            Column(name="house"),
            Column(name="who"),
            Column(name="processes", digits=0),
            Column(name="wake-ups", unit="/s"),
            Column(name="CPU", unit="% of a core", digits=4),
            Column(name="fds p50", digits=0),
            Column(name="fds all", digits=0),
            Column(name="threads p50", digits=0),
        ),
        rows=tuple(_row(one) for one in found),
        notes=(
            "All houses are there at once. The agents themselves are left out.",
            "Wake-ups (voluntary context switches) and CPU: of all processes of the line together.",
        ),
    )


def memory_table(count: int, memory: Sequence[Memory]) -> Table:
    """Lay out what houses weigh."""
    return Table(
        title=f"Memory of a house of {count} agents",
        columns=(
            Column(name="house"),
            Column(name="without", unit="MB", digits=1),
            Column(name="with", unit="MB", digits=1),
            Column(name="each agent adds", unit="MB", digits=3),
            Column(name="keeper p50", unit="MB", digits=3),
            Column(name="keeper max", unit="MB", digits=3),
            Column(name="each agent adds", unit="fds"),
        ),
        rows=tuple(_weight_row(one) for one in memory),
        notes=(
            (
                "PSS: resident memory, shared pages divided by those who share them; "
                "1 MB = 10⁶ bytes. Each house alone, the agents themselves left out."
            ),
            (
                "Each agent adds: the whole house with agents less the same house before its "
                "first launch, for each agent. The server loads some of its code at that."
            ),
        ),
    )


def charts(found: Sequence[Rest], memory: Sequence[Memory]) -> tuple[Bars, ...]:
    """Draw both."""
    houses = {one.house: one.name for one in found}
    by_house = {key: [one for one in found if one.house == key] for key in houses}
    return (
        Bars(
            key="idle-wakeups",
            title="Wake-ups while nothing happens",
            axis=Axis(label="wake-ups of the house", unit="per s"),
            bars=tuple(
                Bar(
                    name=houses[key],
                    value=sum(one.wakeups for one in of_house),
                    ours=key in OURS,
                )
                for key, of_house in by_house.items()
            ),
        ),
        Bars(
            key="idle-cpu",
            title="CPU while nothing happens",
            axis=Axis(label="CPU of the house", unit="% of a core"),
            bars=tuple(
                Bar(name=houses[key], value=_cpu(of_house), ours=key in OURS)
                for key, of_house in by_house.items()
            ),
            goal=_CPU_LIMIT,
        ),
        Bars(
            key="idle-memory",
            title="Memory that each agent adds",
            axis=Axis(label="PSS, the agent itself left out", unit="MB"),
            bars=tuple(
                Bar(name=one.name, value=one.per_agent, ours=one.house in OURS) for one in memory
            ),
            goal=_MEMORY_LIMIT,
        ),
    )


def _cpu(of_house: Sequence[Rest]) -> float:
    """Return what a house runs, in per cent of a core."""
    return sum(one.cpu for one in of_house) * _PERCENT


def _keeper(memory: Memory | None) -> str:
    if memory is None or not memory.keepers:
        return ""

    return f"the keeper alone: {median([one.pss for one in memory.keepers]) / _MB:.2f} MB"


def _row(rest: Rest) -> tuple[Cell, ...]:
    return (
        rest.name,
        rest.role,
        len(rest.after),
        rest.wakeups,
        rest.cpu * _PERCENT,
        median([one.descriptors for one in rest.after]),
        sum(one.descriptors for one in rest.after),
        median([one.threads for one in rest.after]),
    )


def _weight_row(memory: Memory) -> tuple[Cell, ...]:
    keepers = [one.pss / _MB for one in memory.keepers]
    return (
        memory.name,
        weight(memory.empty),
        weight(memory.full),
        memory.per_agent,
        median(keepers) if keepers else None,
        max(keepers) if keepers else None,
        memory.descriptors,
    )
