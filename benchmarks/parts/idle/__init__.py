"""Idling: what agents cost that run while nothing happens."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks import census
from benchmarks.model import PartResult, Sample
from benchmarks.parts.base import no_linux, present
from benchmarks.samples import vital_samples

from .charts import charts
from .houses import House, contenders, watch
from .tables import memory_table, rest_table
from .verdicts import judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.parts.base import Context

    from .houses import Memory, Rest

#: Seconds that a house gets to come to rest, at most.
REST: Final = 1.0


def _samples(found: Iterable[Rest]) -> Iterator[Sample]:
    for rest in found:
        who = f"{rest.house} {rest.role}"
        yield Sample(what="watched", who=who, unit="s", values=(rest.seconds,))
        for when, vitals in (("before", rest.before), ("after", rest.after)):
            yield from vital_samples(vitals, who=who, when=when)


def _weights(memory: Iterable[Memory]) -> Iterator[Sample]:
    for house in memory:
        for who, when, vitals in (
            (house.house, "without agents", house.empty),
            (house.house, "with agents", house.full),
            (f"{house.house} keepers", "with agents", house.keepers),
        ):
            yield from vital_samples(vitals, who=who, when=when)


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
