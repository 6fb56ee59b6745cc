"""What launching should be: ratios within the rounds of one run, the worst number counting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.contenders.floor import FLOOR
from benchmarks.figures import median, pace, ratio, typical
from benchmarks.model import Target
from benchmarks.tables import find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.figures import Middle
    from benchmarks.model import Round, Series, Verdict

    from .levels import Level

LIBRARY: Final = "library"
MCP: Final = "mcp"
POPEN: Final = "popen"
TMUX: Final = "tmux"

#: What the original server's deploy takes, in milliseconds; most of it is a fixed wait.
ORIGINAL_DEPLOY: Final = 2060.0

OF_POPEN: Final = Target(
    name="launch() p50 ÷ bare Popen p50, one after another", bound="at most", limit=3, unit="times"
)
OF_FLOOR: Final = Target(
    name="launch() rate ÷ the floor's, side by side", bound="at least", limit=0.5, unit="times"
)
OF_TMUX: Final = Target(
    name="launch() rate ÷ tmux's, side by side", bound="at least", limit=4, unit="times"
)
DEPLOY: Final = Target(
    name="the tmux server's deploy (2.06 s, mostly a fixed wait) ÷ deploy p50",
    bound="at least",
    limit=100,
    unit="times",
)


def usual(levels: Sequence[Level]) -> Level:
    """Return the level that stands for the others: the first with more than one agent."""
    return next((level for level in levels if level.count > 1), levels[0])


def judge(levels: Sequence[Level]) -> tuple[Verdict, ...]:
    """Compare with the targets.

    Args:
        levels: At least one.
    """
    some = usual(levels)
    times = between(some.alone, POPEN, typical)
    deploy = find(some.alone, MCP)
    detail = f"{some.count} a turn" if times is None else f"{some.count} a turn; {_around(times)}"
    return (
        OF_POPEN.judge(times and times.value, detail=detail),
        _worst(OF_FLOOR, levels, FLOOR),
        _worst(OF_TMUX, levels, TMUX),
        DEPLOY.judge(deploy and ORIGINAL_DEPLOY / median(deploy.times)),
    )


def between(series: Iterable[Series], base: str, figure: Callable[[Round], float]) -> Middle | None:
    """Compare the library with another one; None where one of them is missing."""
    listed = tuple(series)
    library, other = find(listed, LIBRARY), find(listed, base)
    if library is None or other is None:
        return None

    return ratio(library, other, figure)


def _worst(target: Target, levels: Sequence[Level], base: str) -> Verdict:
    """Judge the number of agents, more than one, with which the rates compare worst."""
    rates = {
        level.count: rate.value
        for level in levels
        if level.count > 1 and (rate := between(level.many, base, pace)) is not None
    }
    detail = ", ".join(f"{rate:.2f} with {count}" for count, rate in rates.items())
    return target.judge(min(rates.values(), default=None), detail=detail)


def _around(ratio_of_rounds: Middle) -> str:
    return f"half of the rounds: {ratio_of_rounds.low:.2f} to {ratio_of_rounds.high:.2f}"
