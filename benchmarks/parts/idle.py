"""Idling: what agents cost that run while nothing happens."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks import census
from benchmarks.model import PartResult, Sample

from .base import no_linux, present
from .idle_houses import House, Memory, Rest, contenders, watch
from .idle_tables import charts, judge, memory_table, rest_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .base import Context

__all__ = ["Idle", "Memory", "Rest", "judge"]

#: Seconds that a house gets to come to rest, at most.
REST: Final = 1.0

#: What is kept of each process, and its unit.
_MEASURED: Final = (("wakeups", ""), ("cpu_ms", "ms"), ("pss", "bytes"), ("descriptors", ""))


def _samples(found: Iterable[Rest]) -> Iterator[Sample]:
    for rest in found:
        who = f"{rest.house} {rest.role}"
        for when, vitals in (("before", rest.before), ("after", rest.after)):
            for name, unit in _MEASURED:
                values = tuple(float(getattr(one, name)) for one in vitals)
                yield Sample(what=f"{name}, {when}", who=who, unit=unit, values=values)


def _weights(memory: Iterable[Memory]) -> Iterator[Sample]:
    for house in memory:
        for when, vitals in (("without agents", house.empty), ("with agents", house.full)):
            values = tuple(float(one.pss) for one in vitals)
            yield Sample(what=f"pss, {when}", who=house.house, unit="bytes", values=values)


@dataclass(frozen=True, slots=True)
class Idle:
    """See the module."""

    name: str = "idle"
    summary: str = "agents that run while nothing happens: wake-ups, CPU, memory, descriptors"

    def missing(self) -> str | None:
        """Only Linux counts all of it."""
        return no_linux()

    def measure(self, context: Context) -> PartResult:
        """Weigh one house after the other, then watch all of them together."""
        houses, skipped = present(contenders(context.plan.idlers))
        count = context.plan.idlers
        rest = min(REST, context.plan.idle_seconds / 10)
        memory: list[Memory] = []
        context.steps.begin("idle, memory", len(houses))
        for contender in houses:
            with ExitStack() as stack:
                memory.append(House(contender, context.ground, stack).weigh(count, rest=rest))

            context.steps.advance()

        found = self._watch(context)
        return PartResult(
            name=self.name,
            tables=(rest_table(context.plan, found), memory_table(count, memory)),
            verdicts=judge(found, memory),
            skipped=skipped,
            samples=(*_samples(found), *_weights(memory)),
            charts=charts(found, memory),
        )

    def _watch(self, context: Context) -> list[Rest]:
        """Have all houses at once: who does nothing does not disturb others."""
        plan = context.plan
        chosen, _ = present(contenders(plan.idlers))
        context.steps.begin("idle, at rest", len(chosen) + 1)
        with ExitStack() as stack:
            houses: list[House] = []
            for contender in chosen:
                houses.append(House(contender, context.ground, stack))
                houses[-1].fill(plan.idlers)
                context.steps.advance()

            census.pause(min(REST, plan.idle_seconds))
            found = watch(houses, plan.idle_seconds)
            context.steps.advance()
            for house in houses:
                house.clear()

        return found
