"""A straight line through samples; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The part of the samples that is left out at the beginning, when caches are filled.
WARM_UP: Final = 0.5

#: Samples that a slope takes at least.
FEWEST: Final = 10


def slope(places: Sequence[float], values: Sequence[float]) -> float:
    """Return by how much the values rise for each unit of place: linear regression.

    Args:
        places: Where each was taken; at least two differ.
        values: As many.

    Raises:
        ValueError: There are not as many, or the places are all the same.
    """
    pairs = list(zip(places, values, strict=True))
    if len(set(places)) < 2:
        raise ValueError("a slope takes two places at least")

    middle = sum(places) / len(pairs)
    height = sum(values) / len(pairs)
    spread = sum((place - middle) ** 2 for place in places)
    return sum((place - middle) * (value - height) for place, value in pairs) / spread


def steady_slope(places: Sequence[float], values: Sequence[float]) -> float | None:
    """Return the slope once warmed up; None when there are too few samples for one."""
    skipped = round(len(places) * WARM_UP)
    if len(places) - skipped < FEWEST:
        return None

    return slope(places[skipped:], values[skipped:])
