"""Launching: one agent after another, many at once, and to its end."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.contenders.library import TRIO, LibraryContender
from benchmarks.contenders.mcp import McpContender
from benchmarks.contenders.popen import PopenContender
from benchmarks.contenders.tmux import TmuxContender
from benchmarks.figures import median, pace, ratio, typical
from benchmarks.model import PartResult, Target
from benchmarks.rounds import Entrant, take_turns
from benchmarks.tables import find, times_table

from .base import no_linux, present

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.contenders.base import Contender, Runner, Session
    from benchmarks.figures import Middle
    from benchmarks.model import Round, Series, Verdict

    from .base import Context

FLOOR: Final = "popen"
LIBRARY: Final = "library"
MCP: Final = "mcp"
TMUX: Final = "tmux"

#: What the original server's deploy takes, in milliseconds; most of it is a fixed wait.
ORIGINAL_DEPLOY: Final = 2060.0

_ALL: Final[tuple[Contender[Session], ...]] = (
    PopenContender(),
    LibraryContender(),
    TRIO,
    McpContender(),
    TmuxContender(),
)
_RUNNERS: Final[tuple[Contender[Runner], ...]] = (PopenContender(), LibraryContender(), TRIO)

_TIMES = Target(name="launch() p50 ÷ bare Popen p50", bound="at most", limit=5, unit="times")
_TIME = Target(name="launch() p50", bound="at most", limit=5, unit="ms")
_DEPLOY = Target(name="the original's 2.06 s ÷ deploy p50", bound="at least", limit=100, unit="x")
_TMUX_ALONE = Target(
    name="launch() rate ÷ tmux, one after another", bound="at least", limit=3, unit="times"
)
_TMUX_MANY = Target(
    name="launch() rate ÷ tmux, side by side", bound="at least", limit=3, unit="times"
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
        """Measure all three."""
        plan, ground = context.plan, context.ground
        program = ground.program("stays")
        contenders, skipped = present(_ALL)
        with ExitStack() as stack:
            entrants = [
                Entrant(one.key, one.name, stack.enter_context(one.open(ground, program)))
                for one in contenders
            ]
            # What is loaded at the first launch only is nobody's figure.
            for entrant in entrants:
                _turn(2, together=True)(entrant.session)

            alone = take_turns(
                entrants,
                _turn(plan.per_round, together=False),
                rounds=plan.rounds,
                what="launch, one after another",
                steps=context.steps,
            )
            many = take_turns(
                entrants,
                _turn(plan.at_a_time, together=True),
                rounds=plan.volleys,
                what=f"launch, {plan.at_a_time} side by side",
                steps=context.steps,
            )

        whole = self._whole(context)
        titles = (
            "Launching, one after another",
            f"Launching, {plan.at_a_time} side by side",
            "Launching an agent that ends at once, until its end is known",
        )
        notes = (
            "From asking for the agent until it is said to run; the program is `sleep`.",
            (
                "All wanted at the same moment; from then until each is said to run. Popen starts "
                "one after the other, the others are asked for all at once."
            ),
            (
                "The library has by then also seen to it that nobody is left, written the outcome, "
                "and recorded it."
            ),
        )
        series = dict(zip(titles, (alone, many, whole), strict=True))
        return PartResult(
            name=self.name,
            tables=tuple(
                times_table(title, series[title], floor=FLOOR, notes=[note])
                for title, note in zip(titles, notes, strict=True)
            ),
            verdicts=judge(alone, many),
            skipped=skipped,
            series=series,
        )

    def _whole(self, context: Context) -> tuple[Series, ...]:
        plan, ground = context.plan, context.ground
        program = ground.program("ends")
        with ExitStack() as stack:
            entrants = [
                Entrant(one.key, one.name, stack.enter_context(one.open(ground, program)))
                for one in present(_RUNNERS)[0]
            ]
            for entrant in entrants:
                entrant.session.run(2)

            return take_turns(
                entrants,
                lambda session: session.run(plan.per_round),
                rounds=plan.rounds,
                what="launch, to the end",
                steps=context.steps,
            )


def judge(alone: Sequence[Series], many: Sequence[Series]) -> tuple[Verdict, ...]:
    """Compare with the targets.

    Args:
        alone: One after another.
        many: Side by side.
    """
    library, deploy = find(alone, LIBRARY), find(alone, MCP)
    times = _between(alone, FLOOR, typical)
    tmux_alone, tmux_many = _between(alone, TMUX, pace), _between(many, TMUX, pace)
    return (
        _TIMES.judge(times and times.value, detail=_around(times)),
        _TIME.judge(library and median(library.times)),
        _TMUX_ALONE.judge(tmux_alone and tmux_alone.value, detail=_around(tmux_alone)),
        _TMUX_MANY.judge(tmux_many and tmux_many.value, detail=_around(tmux_many)),
        _DEPLOY.judge(deploy and ORIGINAL_DEPLOY / median(deploy.times)),
    )


def _between(
    series: Iterable[Series], base: str, figure: Callable[[Round], float]
) -> Middle | None:
    listed = tuple(series)
    library, other = find(listed, LIBRARY), find(listed, base)
    if library is None or other is None:
        return None

    return ratio(library, other, figure)


def _around(ratio_of_rounds: Middle | None) -> str:
    if ratio_of_rounds is None:
        return ""

    return f"half of the rounds: {ratio_of_rounds.low:.2f} to {ratio_of_rounds.high:.2f}"


def _turn(count: int, *, together: bool) -> Callable[[Session], Round]:
    def turn(session: Session) -> Round:
        launched = session.launch(count, together=together)
        session.clear()
        return launched

    return turn
