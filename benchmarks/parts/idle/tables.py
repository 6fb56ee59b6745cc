"""The figures of idling, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.figures import median
from benchmarks.model import Column, Table

from .houses import BARE, find, open_files, weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.model import Cell
    from benchmarks.plan import Plan

    from .houses import Memory, Rest

_MB: Final = 1e6

#: Per cent of a core, for each millisecond that is run in a second.
_PERCENT: Final = 0.1


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
    floor = find(memory, BARE.key)
    return Table(
        title=f"Memory of a house of {count} agents",
        columns=(
            Column(name="house"),
            Column(name="without", unit="MB", digits=1),
            Column(name="with", unit="MB", digits=1),
            Column(name="each agent adds", unit="MB", digits=3),
            Column(name="keeper p50", unit="MB", digits=3),
            Column(name="keeper max", unit="MB", digits=3),
            Column(name="with ÷ floor", digits=1),
            Column(name="with", unit="fds", digits=0),
            Column(name="each agent adds", unit="fds"),
        ),
        rows=tuple(_weight_row(one, floor) for one in memory),
        notes=(
            (
                "PSS: resident memory, shared pages divided by those who share them; "
                "1 MB = 10⁶ bytes. Each house alone, the agents themselves left out."
            ),
            (
                "Floor: a Python process that has started as many programs with "
                "`subprocess.Popen`, and does nothing."
            ),
            (
                "Each agent adds: the whole house with agents less the same house before its "
                "first launch, for each agent. The server loads some of its code at that."
            ),
        ),
    )


def _row(rest: Rest) -> tuple[Cell, ...]:
    return (
        rest.name,
        rest.role,
        len(rest.after),
        rest.wakeups,
        rest.cpu * _PERCENT,
        median([one.descriptors for one in rest.after]),
        open_files(rest.after),
        median([one.threads for one in rest.after]),
    )


def _weight_row(memory: Memory, floor: Memory | None) -> tuple[Cell, ...]:
    keepers = [one.pss / _MB for one in memory.keepers]
    return (
        memory.name,
        weight(memory.empty),
        weight(memory.full),
        memory.per_agent,
        median(keepers) if keepers else None,
        max(keepers) if keepers else None,
        None if floor is None else weight(memory.full) / weight(floor.full),
        open_files(memory.full),
        memory.descriptors,
    )
