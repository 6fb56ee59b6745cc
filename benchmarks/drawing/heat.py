"""A figure for each pair: the darker, the more; a zero in another colour."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from matplotlib.patches import Rectangle

from benchmarks.words import NOTHING, short

from .layout import fold

if TYPE_CHECKING:
    from benchmarks.charts import Heat

    from .colours import Colours
    from .plane import Plane

#: Inches of a row, of a line of the columns' names, and of everything around them.
_PER_ROW: Final = 0.38
_PER_ROW_OF_MANY: Final = 0.25
_PER_LINE: Final = 0.17
_AROUND: Final = 1.15

_NAME_CHARACTERS: Final = 36
_ALL_COLUMNS_CHARACTERS: Final = 84

_DARK_INK: Final = "#1f2328"
_LIGHT_INK: Final = "#ffffff"

#: The luminance that contrasts with both inks alike, by the formula of WCAG.
_EVEN: Final = 0.215

#: Rows from which on they are narrow, and have room for one line of words each.
_MANY: Final = 20
_ONE_LINE: Final = 60

#: Between two cells, in cells.
_GAP: Final = 0.04


def heat_height(chart: Heat) -> float:
    """Return how high its picture is, in inches."""
    lines = max((name.count("\n") + 1 for name in _columns(chart)), default=1)
    per_row = _PER_ROW if len(chart.rows) < _MANY else _PER_ROW_OF_MANY
    return _AROUND + per_row * len(chart.rows) + _PER_LINE * lines


def draw_heat(chart: Heat, plane: Plane, colours: Colours) -> None:
    """Draw it, the first row at the top."""
    most = max((cell or 0.0 for row in chart.cells for cell in row), default=0.0)
    for y, row in enumerate(chart.cells):
        for x, cell in enumerate(row):
            paint = _paint(cell, most, colours)
            plane.add_patch(_tile(x, y, paint, cell, colours))
            plane.text(
                x,
                y,
                NOTHING if cell is None else short(cell),
                ha="center",
                va="center",
                color=colours.faint if cell is None else ink_on(paint),
                weight="normal" if not cell else "bold",
            )

    plane.set_xlim(-0.5, len(chart.columns) - 0.5)
    plane.set_ylim(len(chart.rows) - 0.5, -0.5)
    plane.set_xticks(range(len(chart.columns)), _columns(chart))
    plane.set_yticks(range(len(chart.rows)), [""] * len(chart.rows))
    plane.tick_params("x", length=0, labeltop=True, labelbottom=False, labelcolor=colours.ink)
    plane.tick_params("y", length=0)
    for side in ("top", "right", "bottom", "left"):
        plane.spines[side].set_visible(False)

    width = _NAME_CHARACTERS if len(chart.rows) < _MANY else _ONE_LINE
    for y, name in enumerate(chart.rows):
        ours = name in chart.ours
        plane.text(
            -0.015,
            y,
            fold(name, width),
            transform=plane.get_yaxis_transform(),
            ha="right",
            va="center",
            color=colours.ours[0] if ours else colours.ink,
            weight="bold" if ours else "normal",
            linespacing=1.0,
        )

    plane.set_xlabel(f"{chart.unit}; {NOTHING} not measured", loc="left")


def ink_on(paint: str) -> str:
    """Return a dark or a light ink, whichever is read better on a colour.

    Args:
        paint: As ``#rrggbb``.
    """
    red, green, blue = (_linear(int(paint[place : place + 2], 16) / 255) for place in (1, 3, 5))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return _DARK_INK if luminance > _EVEN else _LIGHT_INK


def _linear(share: float) -> float:
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def _columns(chart: Heat) -> list[str]:
    width = max(8, _ALL_COLUMNS_CHARACTERS // max(1, len(chart.columns)))
    return [fold(name, width) for name in chart.columns]


def _paint(cell: float | None, most: float, colours: Colours) -> str:
    """Choose a colour; by the root, so that few of many are not as good as none."""
    if cell is None:
        return colours.page

    if cell <= 0:
        return colours.clean

    last = len(colours.heat) - 1
    return colours.heat[round(math.sqrt(cell / most) * last)]


def _tile(x: int, y: int, paint: str, cell: float | None, colours: Colours) -> object:
    side = 1 - 2 * _GAP
    tile: type = Rectangle
    return tile(
        (x - side / 2, y - side / 2),
        side,
        side,
        facecolor=paint,
        edgecolor=colours.grid if cell is None else paint,
        linewidth=0.8,
        hatch="///" if cell is None else None,
    )
