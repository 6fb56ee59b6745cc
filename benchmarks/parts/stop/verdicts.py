"""What stopping should be: everybody gone, and about as fast as the system can do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.contenders.floor import FLOOR
from benchmarks.figures import median, middle
from benchmarks.model import Target

from .attempt import PROCESSES
from .ways import END_OF_INPUT, LIBRARY, SERVERS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from benchmarks.figures import Middle
    from benchmarks.model import Verdict

    from .attempt import Ending

#: The endings of each way, in the order of the turns that it shared with the others, by its key.
Turns = dict[str, list["Ending"]]

#: How many agents the targets are about, where so many were ended.
TARGETED: Final = 200

#: How many times the floor's time a stop may take.
OF_FLOOR: Final = 5.0

_MS_PER_S: Final = 1000.0

DOWN: Final = Target(
    name="all agents' processes gone after end of input, slowest run",
    bound="at most",
    limit=1,
    unit="s",
)
LEFT: Final = Target(
    name="processes left by the library and the MCP server", bound="at most", limit=0, unit="left"
)


def judge(levels: Mapping[int, Turns], ours: Sequence[str]) -> tuple[Verdict, ...]:
    """Compare with the targets.

    Args:
        levels: What was found with each number of agents.
        ours: The keys of this project's ways.
    """
    count = targeted(levels)
    turns = levels[count]
    return (
        DOWN.judge(_slowest(turns.get(END_OF_INPUT, [])), detail=f"{count} agents"),
        LEFT.judge(_left(levels, ours)),
        _compare(turns, count, FLOOR, limit=OF_FLOOR),
        # Under 1 is faster; who leaves processes is compared by the time of those that went.
        *(_compare(turns, count, key, limit=1.0) for key in SERVERS),
    )


def targeted(levels: Collection[int]) -> int:
    """Return the number of agents that the targets are about: the most, where it is less."""
    return TARGETED if TARGETED in levels else max(levels)


def over(turns: Turns, key: str, base: str) -> Middle | None:
    """Divide one way's times by another's, turn by turn; None where one of them is missing."""
    pairs = list(zip(turns.get(key, []), turns.get(base, []), strict=False))
    if not pairs or not all(theirs.agents_ms for _, theirs in pairs):
        return None

    return middle([mine.agents_ms / theirs.agents_ms for mine, theirs in pairs])


def _compare(turns: Turns, count: int, base: str, *, limit: float) -> Verdict:
    """Compare the library with another one, and say what that one has left undone."""
    name = f"stop of {count} agents, until they are gone and reaped, library ÷ {base}"
    target = Target(name=name, bound="at most", limit=limit, unit="times")
    ratio = over(turns, LIBRARY, base)
    left = max((one.left for one in turns.get(base, [])), default=0)
    details = [f"{base} leaves {left:,} of {count * PROCESSES:,} processes"] if left else []
    whole = [one.house_ms for one in turns.get(LIBRARY, []) if one.house_ms is not None]
    if whole:
        agents = median([one.agents_ms for one in turns[LIBRARY]])
        details.append(f"agents {agents:.0f} ms, with keepers and all {median(whole):.0f} ms")

    detail = "; ".join(details)
    return target.judge(ratio and ratio.value, detail=detail)


def _slowest(endings: Sequence[Ending]) -> float | None:
    """Seconds of the slowest one; None where somebody stayed, or nobody was ended."""
    if not endings or any(one.left for one in endings):
        return None

    return max(one.agents_ms for one in endings) / _MS_PER_S


def _left(levels: Mapping[int, Turns], ours: Sequence[str]) -> int | None:
    left = [one.left for turns in levels.values() for key in ours for one in turns.get(key, [])]
    return max(left, default=None)
