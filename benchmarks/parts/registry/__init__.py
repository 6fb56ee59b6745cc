"""The registry: state changes, their projection to JSON, and what a status call takes."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.model import PartResult, Sample
from benchmarks.parts.base import no_linux
from benchmarks.rounds import Entrant, take_turns

from .status import measure_status
from .stores import BARE, CHANGES, PROJECTION, Store
from .tables import changes_charts, changes_table, judge_changes, kinds_table, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.model import Round, Series
    from benchmarks.parts.base import Context

#: Writings of the JSON files in one turn.
WRITINGS: Final = 3


@dataclass(frozen=True, slots=True)
class Registry:
    """See the module."""

    name: str = "registry"
    summary: str = "state changes and status calls, by how many agents are on record"

    def missing(self) -> str | None:
        """Say what the other parts say: the server is one of those that are measured."""
        return no_linux()

    def measure(self, context: Context) -> PartResult:
        """Measure changes, then the projection, then status calls."""
        plan = context.plan
        with ExitStack() as stack:
            stores = [
                stack.enter_context(Store(context.ground, kind, count))
                for kind in (CHANGES, BARE, PROJECTION)
                for count in plan.recorded
            ]
            # They fill up side by side.
            for store in stores:
                store.wait_filled()

            changing = [store for store in stores if store.kind != PROJECTION]
            writers = [store for store in stores if store.kind == PROJECTION]
            changes = _measure(context, changing, plan.lives, plan.change_rounds)
            projected = _measure(context, writers, WRITINGS, plan.status_rounds)

        ours = [store for store in stores if store.kind == CHANGES]
        cpu = [writer.kinds["cpu"] for writer in writers]
        status = measure_status(context)
        return PartResult(
            name=self.name,
            tables=(
                changes_table(changes),
                kinds_table(ours),
                written(projected, cpu),
                *status.tables,
            ),
            verdicts=(*judge_changes(changes), *status.verdicts),
            series={
                "State changes": changes,
                "Writing the JSON files": projected,
                **status.series,
            },
            samples=(*_samples(stores), *status.samples),
            charts=(*changes_charts(changes, projected), *status.charts),
        )


def _measure(
    context: Context, stores: Sequence[Store], lives: int, rounds: int
) -> tuple[Series, ...]:
    kinds = dict.fromkeys(store.kind for store in stores)
    return take_turns(
        [Entrant(f"{one.kind}-{one.count}", one.name, one) for one in stores],
        _turn(lives),
        rounds=rounds,
        what=f"registry, {' and '.join(kinds)}",
        steps=context.steps,
    )


def _samples(stores: Sequence[Store]) -> Iterator[Sample]:
    """Everything that stores have done, by what it was; a series has it mixed."""
    for store in stores:
        who = f"{store.kind}-{store.count}"
        for what, times in store.kinds.items():
            yield Sample(what=what, who=who, unit="ms", values=tuple(times))


def _turn(lives: int) -> Callable[[Store], Round]:
    return lambda store: store.turn(lives)
