"""Figures with their units, as people read them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .charts import Axis, Bound

#: Behind a multiple, and in place of a figure.
TIMES: Final = "\N{MULTIPLICATION SIGN}"
NOTHING: Final = "\N{EN DASH}"

#: Digits that count.
_DIGITS: Final = 3

#: From here on a figure is written without a point.
_WHOLE: Final = 100

_SIGNS: Final = {"at most": "≤ ", "at least": "≥ ", None: ""}


def short(value: float) -> str:
    """Write a figure with three digits that count, e.g. ``1,234``, ``12.3``, ``0.00123``."""
    if value == 0:
        return "0"

    if abs(value) >= _WHOLE or value == round(value):
        return f"{value:,.0f}"

    digits = max(0, _DIGITS - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def with_unit(figure: str, unit: str) -> str:
    """Put a unit behind a figure."""
    return f"{figure} {unit}" if unit else figure


def label(axis: Axis) -> str:
    """Say what an axis counts, and in what."""
    return f"{axis.label} [{axis.unit}]" if axis.unit else axis.label


def wanted(goal: float, bound: Bound | None, unit: str) -> str:
    """Say what is wanted, e.g. ``goal ≤ 5 ms``."""
    return f"goal {_SIGNS[bound]}{with_unit(short(goal), unit)}"
