"""Launching so many, one after another and side by side, for one number after the other."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.contenders.circus import CircusContender
from benchmarks.contenders.supervisord import SupervisordContender
from benchmarks.errors import BrokenError
from benchmarks.limits import too_many
from benchmarks.model import Skipped
from benchmarks.parts.base import present
from benchmarks.rounds import Entrant, take_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.contenders.base import Contender, Session
    from benchmarks.model import Round, Series
    from benchmarks.parts.base import Context

#: Seconds that a turn may take; who would take longer with more agents is skipped with them.
TURN_LIMIT: Final = 30.0

#: An agent and its keeper.
_PROCESSES: Final = 2

_MS_PER_S: Final = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What was measured with one number of agents.

    Attributes:
        count: How many were launched in a turn; all stayed until its end.
        alone: One after another.
        many: Side by side; with one agent, the same as one after another.
    """

    count: int
    alone: tuple[Series, ...]
    many: tuple[Series, ...]


def sized(count: int) -> tuple[Contender[Session], ...]:
    """Return those whose servers are configured for so many agents."""
    return (SupervisordContender(capacity=count), CircusContender(capacity=count))


def sweep(
    contenders: Sequence[Contender[Session]], context: Context
) -> tuple[tuple[Level, ...], tuple[Skipped, ...]]:
    """Measure all with each number of agents.

    Args:
        contenders: Those whose servers need no configuration; the others are added.
        context: What it works with.

    Returns:
        A level for each number, and who was skipped, at all or with some number.
    """
    skipped = list(present([*contenders, *sized(1)])[1])
    levels: list[Level] = []
    names = {one.key: one.name for one in (*contenders, *sized(1))}
    # Why somebody is not asked for so many, nor for more.
    out: dict[str, str] = {}
    with ExitStack() as stack:
        steady = _enter(stack, present(contenders)[0], context)
        for count, rounds in context.plan.launches:
            reason = too_many(count, processes=_PROCESSES)
            if reason is not None:
                skipped.append(Skipped(name=f"launching {count}", reason=reason))
                continue

            out |= too_slow(levels[-1], count) if levels else {}
            with ExitStack() as inner:
                entrants = [one for one in steady if one.key not in out]
                for one in present(sized(count))[0]:
                    if one.key in out:
                        continue

                    try:
                        entrants += _enter(inner, [one], context)
                    except BrokenError as error:
                        if not levels:
                            raise

                        out[one.key] = str(error)

                levels.append(_measure(entrants, count, rounds, context))

            skipped += [
                Skipped(name=f"{names[key]}, {count} at once", reason=why)
                for key, why in out.items()
            ]

    return tuple(levels), tuple(skipped)


def too_slow(last: Level, count: int) -> dict[str, str]:
    """Say who is not measured with more agents, and why, by their keys.

    Args:
        last: What was measured with fewer agents.
        count: How many it would be.
    """
    slow: dict[str, str] = {}
    for series in (*last.alone, *last.many):
        walls = [one.wall / _MS_PER_S for one in series.rounds]
        expected = min(walls) / last.count * count
        if expected > TURN_LIMIT and last.count > 1:
            slow[series.key] = (
                f"{last.count} took {min(walls):.1f} s, so {count} would take {expected:.0f} s; "
                f"more than {TURN_LIMIT:.0f} s are not spent on a turn"
            )

    return slow


def turn(count: int, *, together: bool) -> Callable[[Session], Round]:
    """Return what launches so many, leaves them until all run, and clears them away."""

    def launch(session: Session) -> Round:
        launched = session.launch(count, together=together)
        session.clear()
        return launched

    return launch


def _enter(
    stack: ExitStack, contenders: Iterable[Contender[Session]], context: Context
) -> list[Entrant[Session]]:
    """Open contenders; what is loaded at the first launch only is nobody's figure."""
    program = context.ground.program("stays")
    entrants = [
        Entrant(one.key, one.name, stack.enter_context(one.open(context.ground, program)))
        for one in contenders
    ]
    for entrant in entrants:
        turn(1, together=True)(entrant.session)

    return entrants


def _measure(
    entrants: Sequence[Entrant[Session]], count: int, rounds: int, context: Context
) -> Level:
    alone = take_turns(
        entrants,
        turn(count, together=False),
        rounds=rounds,
        what=f"launch, {count} one after another",
        steps=context.steps,
    )
    if count == 1:
        return Level(count=count, alone=alone, many=alone)

    many = take_turns(
        entrants,
        turn(count, together=True),
        rounds=rounds,
        what=f"launch, {count} side by side",
        steps=context.steps,
    )
    return Level(count=count, alone=alone, many=many)
