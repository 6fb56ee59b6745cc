"""Whether costs stay what they are as agents become many: the most of them against the fewest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from benchmarks.figures import median, quantile
from benchmarks.model import Target

from .houses import LIBRARY, MCP, NAMES, TAIL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.model import Verdict

    from .levels import Level

#: By how much these may take longer than with the fewest agents.
_LAUNCH_GROWTH: Final = 2.0
_STATUS_GROWTH: Final = 5.0
_TAIL_GROWTH: Final = 2.0

#: Milliseconds of the slowest of a hundred changes.
CHANGE_LIMIT: Final = 1.0

#: What is left of the throughput: all, but for 5 % of noise.
_OUTPUT_SHARE: Final = 0.95

#: The share of changes that are faster than the slowest of a hundred.
LATE: Final = 0.99
_MS_PER_S: Final = 1000.0
_MB_PER_MIB: Final = (1 << 20) / 1e6
_NOWHERE: Final = "out of reach here"

_Pair: TypeAlias = "tuple[Level, Level] | None"


def speed(level: Level, *, floor: bool = False) -> float:
    """Return the median throughput of an agent there, in MB/s.

    Args:
        level: Where.
        floor: Of bare Popen's agent instead of the orchestrator's.
    """
    beside = level.beside
    times = [one.floor if floor else one.ours for one in beside.writings]
    return beside.mib * _MB_PER_MIB / median(times) * _MS_PER_S


def share(level: Level) -> float:
    """Return the throughput of an agent there, as a share of a bare descriptor's; turn by turn."""
    return median([one.floor / one.ours for one in level.beside.writings])


def judge(levels: Sequence[Level], numbers: Sequence[int]) -> tuple[Verdict, ...]:
    """Compare the most agents with the fewest.

    Args:
        levels: What was measured.
        numbers: What was to be measured; a number without a level was out of reach.
    """
    few, many = min(numbers), max(numbers)
    by = {(one.house, one.agents): one for one in levels}
    pairs: dict[str, _Pair] = {}
    for key in NAMES:
        low, high = by.get((key, few)), by.get((key, many))
        pairs[key] = None if low is None or high is None else (low, high)

    verdicts: list[Verdict] = []
    for key, pair in pairs.items():
        verdicts += _judge_house(NAMES[key], pair, few, many)

    for what, times, limit in _GROWING:
        target = Target(
            name=what.format(few=few, many=many), bound="at most", limit=limit, unit="times"
        )
        verdicts.append(_judge_growth(target, times, pairs[MCP]))

    verdicts.append(_judge_changes(pairs[LIBRARY], many))
    verdicts += [_judge_output(NAMES[key], pair, few, many) for key, pair in pairs.items()]
    return tuple(verdicts)


#: What is called over MCP, its times, and by how much these may grow.
_GROWING: Final[tuple[tuple[str, Callable[[Level], Sequence[float]], float], ...]] = (
    (
        "status of {many:,} live agents ÷ of {few}, in a row, p50",
        lambda one: one.whole,
        _STATUS_GROWTH,
    ),
    (
        "status of {many:,} live agents ÷ of {few}, after a rest, p50",
        lambda one: one.rested,
        _STATUS_GROWTH,
    ),
    (
        f"the last {TAIL} lines of one of {{many:,}} live agents ÷ of {{few}}, p50",
        lambda one: one.beside.tails,
        _TAIL_GROWTH,
    ),
)


def _judge_house(name: str, pair: _Pair, few: int, many: int) -> tuple[Verdict, ...]:
    """Judge its end, and the launch of one more."""
    left = Target(
        name=f"processes left of {many:,} agents at the end, {name}",
        bound="at most",
        limit=0,
        unit="processes",
    )
    launch = Target(
        name=f"one more launch beside {many:,} agents ÷ beside {few}, p50, {name}",
        bound="at most",
        limit=_LAUNCH_GROWTH,
        unit="times",
    )
    if pair is None:
        return left.judge(None, detail=_NOWHERE), launch.judge(None, detail=_NOWHERE)

    low, high = pair
    floors = [median([one.launch for one in level.floor]) for level in pair]
    return (
        left.judge(high.left),
        launch.judge(
            high.launch / low.launch,
            detail=f"{low.launch:.1f} to {high.launch:.1f} ms; bare Popen meanwhile "
            f"{floors[1] / floors[0]:.2f} times",
        ),
    )


def _judge_growth(
    target: Target, times: Callable[[Level], Sequence[float]], pair: _Pair
) -> Verdict:
    """Compare the medians of calls."""
    if pair is None:
        return target.judge(None, detail=_NOWHERE)

    before, after = (median(times(level)) for level in pair)
    return target.judge(after / before, detail=f"{before:.2f} to {after:.2f} ms")


def _judge_changes(pair: _Pair, many: int) -> Verdict:
    """Judge the changes of the library's registry."""
    target = Target(
        name=f"p99 of a state change beside {many:,} live agents",
        bound="at most",
        limit=CHANGE_LIMIT,
        unit="ms",
    )
    if pair is None:
        return target.judge(None, detail=_NOWHERE)

    before, after = (quantile(level.beside.changes, LATE) for level in pair)
    bare = quantile(pair[1].beside.bare, LATE)
    return target.judge(
        after, detail=f"beside {pair[0].agents}: {before:.2f} ms; bare sqlite3: {bare:.2f} ms"
    )


def _judge_output(name: str, pair: _Pair, few: int, many: int) -> Verdict:
    """Judge what one agent writes; a bare descriptor in the same turns tells how fast it can be."""
    target = Target(
        name=f"output of one agent ÷ file's descriptor, beside {many:,} agents ÷ beside {few}, "
        f"{name}: 1.0 but for 5 % of noise",
        bound="at least",
        limit=_OUTPUT_SHARE,
        unit="times",
    )
    if pair is None:
        return target.judge(None, detail=_NOWHERE)

    low, high = pair
    return target.judge(
        share(high) / share(low),
        detail=f"{speed(low):,.0f} to {speed(high):,.0f} MB/s; "
        f"{share(low):.2f} to {share(high):.2f} of the descriptor's",
    )
