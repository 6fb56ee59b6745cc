"""Figures on axes, and where words have room."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence


#: From here on a figure is written without a point.
_WHOLE: Final = 100

#: Between the largest and the smallest: within it, powers of ten alone are too few figures.
NARROW: Final = 30.0


def tick(value: float, _position: int | None = None) -> str:
    """Write a figure on an axis, e.g. ``0.5``, ``2,000``; what is not shown there is not."""
    return f"{value:,.0f}" if abs(value) >= _WHOLE else f"{value:.10g}"


def between(value: float, _position: int | None) -> str:
    """Write a figure between powers of ten: the twos and the fives."""
    return tick(value) if f"{value:e}"[0] in "25" else ""


def nothing(_value: float, _position: int | None) -> str:
    """Write nothing."""
    return ""


def fold(text: str, width: int) -> str:
    """Break a text into lines between words.

    Args:
        text: What is broken.
        width: Characters in a line; a longer word keeps its own.
    """
    return "\n".join(textwrap.wrap(text, width, break_long_words=False)) or text


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Move places apart that are too near, each as little as can be.

    Neighbours that would overlap become a block, which is centred on where its members wanted to
    be; blocks that then meet are joined.

    Args:
        places: Where each wants to be, in any order.
        gap: What lies between two at least.

    Returns:
        A place for each, in the order given; who was below stays below.
    """
    blocks: list[list[int]] = []
    for index in sorted(range(len(places)), key=lambda index: places[index]):
        blocks.append([index])
        while len(blocks) > 1 and _overlap(blocks[-2], blocks[-1], places, gap):
            upper = blocks.pop()
            blocks[-1] += upper

    found = [0.0] * len(places)
    for block in blocks:
        bottom = _bottom(block, places, gap)
        for number, index in enumerate(block):
            found[index] = bottom + number * gap

    return found


def _bottom(block: list[int], places: Sequence[float], gap: float) -> float:
    centre = sum(places[index] for index in block) / len(block)
    return centre - (len(block) - 1) / 2 * gap


def _overlap(lower: list[int], upper: list[int], places: Sequence[float], gap: float) -> bool:
    top = _bottom(lower, places, gap) + (len(lower) - 1) * gap
    return top + gap > _bottom(upper, places, gap)
