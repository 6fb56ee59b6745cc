"""Stopping: many agents with three processes each, one of which has left its agent's session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.limits import too_many
from benchmarks.model import PartResult, Sample, Skipped
from benchmarks.parts.base import no_linux, present
from benchmarks.rounds import order

from .attempt import PROCESSES
from .shown import draw, tabulate
from .verdicts import judge, targeted
from .ways import OURS, all_ways

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.parts.base import Context

    from .verdicts import Turns
    from .ways import Way

#: Seconds of launching and stopping; who would take longer with more agents is skipped with them.
TURN_LIMIT: Final = 30.0


@dataclass(frozen=True, slots=True)
class Stop:
    """See the module."""

    name: str = "stop"
    summary: str = "everything ended at once: how long, and who is left"

    def missing(self) -> str | None:
        """Only Linux tells from outside when the last one is gone."""
        return no_linux()

    def measure(self, context: Context) -> PartResult:
        """Try every way with each number of agents, several times in turns."""
        everything = all_ways(context.ground, 1)
        skipped = list(dict.fromkeys(present([one.contender for one in everything])[1]))
        levels: dict[int, Turns] = {}
        for count, rounds in context.plan.endings:
            reason = too_many(count, processes=PROCESSES + 1)
            if reason is not None:
                skipped.append(Skipped(name=f"ending {count}", reason=reason))
                continue

            ways = [
                one for one in all_ways(context.ground, count) if one.contender.missing() is None
            ]
            if levels:
                last = max(levels)
                slow = too_slow(last, levels[last], count)
                skipped += [
                    Skipped(name=f"{one.name}, {count} agents", reason=slow[one.key])
                    for one in ways
                    if one.key in slow
                ]
                ways = [one for one in ways if one.key not in slow]

            levels[count] = _measure(ways, count, rounds, context)

        return PartResult(
            name=self.name,
            tables=tuple(tabulate(count, everything, turns) for count, turns in levels.items()),
            verdicts=judge(levels, OURS),
            skipped=tuple(skipped),
            samples=tuple(_samples(levels)),
            charts=draw(levels, everything, OURS, targeted(levels)),
        )


def _samples(levels: Mapping[int, Turns]) -> Iterator[Sample]:
    for count, turns in levels.items():
        what = f"stop of {count}"
        for key, ends in turns.items():
            agents = tuple(one.agents_ms for one in ends)
            house = tuple(one.house_ms for one in ends)
            left = tuple(float(one.left) for one in ends)
            turns_s = tuple(one.turn for one in ends)
            yield Sample(what=f"{what}: launch and stop", who=key, unit="s", values=turns_s)
            yield Sample(what=f"{what}: agents gone", who=key, unit="ms", values=agents)
            yield Sample(what=f"{what}: all gone", who=key, unit="ms", values=house)
            yield Sample(what=f"{what}: agents' processes left", who=key, unit="", values=left)


def too_slow(last: int, turns: Turns, count: int) -> dict[str, str]:
    """Say which ways are not tried with more agents, and why, by their keys.

    Args:
        last: With how many agents they were tried.
        turns: What was found then; a way that was left out then stays out.
        count: How many it would be.
    """
    slow: dict[str, str] = {}
    for key, endings in turns.items():
        took = min((one.turn for one in endings), default=0.0)
        expected = took / last * count
        if not endings:
            slow[key] = f"it was too slow with {last} already"
        elif expected > TURN_LIMIT:
            slow[key] = (
                f"{last} took {took:.1f} s to launch and to end, so {count} would take "
                f"{expected:.0f} s; more than {TURN_LIMIT:.0f} s are not spent on a turn"
            )

    return slow


def _measure(ways: Sequence[Way], count: int, rounds: int, context: Context) -> Turns:
    turns: Turns = {one.key: [] for one in ways}
    context.steps.begin(f"stop of {count}", rounds * len(ways))
    for number in range(rounds):
        for one in order(ways, number):
            turns[one.key].append(one.attempt(context, count))
            context.steps.advance()

    return turns
