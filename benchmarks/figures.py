"""The statistics: pure functions over times, rounds and series."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .model import Round, Series

_MS_PER_S = 1000.0
_PERCENT = 100.0
_HALF = 0.5
_QUARTER = 0.25
_THREE_QUARTERS = 0.75

#: Fewer rounds have no half around the middle one.
_ROUNDS_MIN = 3


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies, interpolated between two.

    Args:
        values: In any order, at least one.
        share: From 0, the smallest, to 1, the largest.

    Raises:
        ValueError: There are no values, or the share is not one.
    """
    if not values:
        raise ValueError("no values, no quantile")

    if not 0.0 <= share <= 1.0:
        raise ValueError(f"a share lies between 0 and 1, not at {share}")

    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median(values: Sequence[float]) -> float:
    """Return the middle value.

    Raises:
        ValueError: There are no values.
    """
    return quantile(values, _HALF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Middle:
    """A median over rounds, with the half of the rounds around it.

    Attributes:
        value: The median.
        low: A quarter of the rounds lies below.
        high: A quarter lies above.
    """

    value: float
    low: float
    high: float

    @property
    def spread(self) -> float:
        """The noise: half the way from `low` to `high`, as a share of the median."""
        return (self.high - self.low) / 2 / self.value if self.value else 0.0


def middle(values: Sequence[float]) -> Middle:
    """Return the median and the quartiles.

    Raises:
        ValueError: There are no values.
    """
    return Middle(
        value=median(values),
        low=quantile(values, _QUARTER),
        high=quantile(values, _THREE_QUARTERS),
    )


def typical(one: Round) -> float:
    """Milliseconds of the median of one round."""
    return median(one.times)


def pace(one: Round) -> float:
    """How many per second one round made."""
    return len(one.times) / one.wall * _MS_PER_S


def rate(series: Series) -> float:
    """How many per second were done over all rounds."""
    wall = sum(one.wall for one in series.rounds)
    return len(series.times) / wall * _MS_PER_S


def noise(series: Series) -> float | None:
    """How far a round's median lies from the middle one, in per cent of it.

    None where there are too few rounds to tell.
    """
    if len(series.rounds) < _ROUNDS_MIN:
        return None

    return middle([typical(one) for one in series.rounds]).spread * _PERCENT


def ratio(series: Series, base: Series, figure: Callable[[Round], float]) -> Middle:
    """Compare two series round by round.

    Whatever slows the machine down for a while slows both turns of a round alike; so the ratio is
    taken within each round, and the median of these is far steadier than a ratio of medians.

    Args:
        series: Whose figure is divided.
        base: By whose.
        figure: What is taken of a round: `typical` or `pace`.

    Raises:
        ValueError: They did not share their rounds.
    """
    pairs = zip(series.rounds, base.rounds, strict=True)
    return middle([figure(ours) / figure(theirs) for ours, theirs in pairs])
