"""How steady the machine is: the same small piece of work, over and over."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psutil

from .figures import quantile

if TYPE_CHECKING:
    from collections.abc import Callable

#: Pieces of work, and what one is.
PIECES: Final = 300
_LOOPS: Final = 20_000

_PERCENT: Final = 100.0
_MS_PER_S: Final = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What happened to equal pieces of work.

    Attributes:
        median_ms: Milliseconds that one takes.
        late: By how much longer the slowest of twenty took, as a share of the median.
        worst: The same of the slowest of all.
        stolen: Share of all cores' time that the host gave to others meanwhile; None where it is
            not told.
    """

    median_ms: float
    late: float
    worst: float
    stolen: float | None

    def __str__(self) -> str:
        """Say it in words."""
        stolen = "" if self.stolen is None else f"; stolen by the host: {self.stolen:.1%}"
        return (
            f"a fixed piece of work takes {self.median_ms:.2f} ms; p95 +{self.late:.0%}, "
            f"slowest of {PIECES} +{self.worst:.0%}{stolen}"
        )


def measure_noise(clock: Callable[[], float] = time.perf_counter) -> Noise:
    """Do the same again and again, for less than a second.

    Args:
        clock: Seconds.
    """
    before = psutil.cpu_times()
    times: list[float] = []
    for _ in range(PIECES):
        began = clock()
        _work()
        times.append((clock() - began) * _MS_PER_S)

    after = psutil.cpu_times()
    typical = quantile(times, 0.5)
    return Noise(
        median_ms=typical,
        late=quantile(times, 0.95) / typical - 1,
        worst=max(times) / typical - 1,
        stolen=_stolen(before._asdict(), after._asdict()),
    )


def _work() -> int:
    total = 0
    for number in range(_LOOPS):
        total += number

    return total


def _stolen(before: dict[str, float], after: dict[str, float]) -> float | None:
    if "steal" not in after:
        return None

    # What guests ran is counted in `user` and `nice` already.
    names = [name for name in after if not name.startswith("guest")]
    spent = sum(after[name] - before[name] for name in names)
    return (after["steal"] - before["steal"]) / spent if spent > 0 else None
