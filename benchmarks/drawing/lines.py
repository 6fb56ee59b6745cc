"""Growth: a line for each, named where it ends."""

from __future__ import annotations

import math
from itertools import cycle
from typing import TYPE_CHECKING, Final, Literal

from benchmarks.words import label, wanted

from .layout import NARROW, between, fold, nothing, spread, tick

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.charts import Axis, Line, Lines

    from .colours import Colours
    from .plane import Plane

#: Inches.
LINES_HEIGHT: Final = 4.3

_NAME_CHARACTERS: Final = 27

_LABEL_CHARACTERS: Final = 46

#: Between the largest and the smallest: within it, every figure of a decade is written.
_CLOSE: Final = 4.0

#: Between two names, in heights of the axes.
_LINE_OF_TEXT: Final = 0.058

#: Figures that are all written below the axis; of more, matplotlib chooses some.
_FEW: Final = 8

#: More than there are lines in any chart: two of one colour have different ones.
_MARKERS: Final = "osD^vPX*<>hpd8"
_DASHES: Final = ("-", (0, (5, 1.5)), (0, (2, 1.2)), (0, (6, 1.5, 1.5, 1.5)))

_WANTED: Final = (0, (5, 3))

Scale = Literal["linear", "log", "symlog"]


def draw_lines(chart: Lines, plane: Plane, colours: Colours) -> None:
    """Draw them; ours last, above the others."""
    points = [point for line in chart.lines for point in line.points]
    _scale_x(chart.x, sorted({x for x, _ in points}), plane)
    heights = [y for _, y in points] + ([] if chart.goal is None else [chart.goal])
    _scale_y(chart.y, heights, plane)
    plane.set_xlabel(label(chart.x))
    plane.set_ylabel(fold(label(chart.y), _LABEL_CHARACTERS))
    plane.grid(visible=True, color=colours.grid, linewidth=0.7)
    plane.set_axisbelow(b=True)
    for side in ("top", "right"):
        plane.spines[side].set_visible(False)

    plane.tick_params("both", which="both", length=0)
    styles = _styles(chart.lines, colours)
    for line, (paint, marker, dash) in zip(chart.lines, styles, strict=True):
        plane.plot(
            [x for x, _ in line.points],
            [y for _, y in line.points],
            color=paint,
            marker=marker,
            linestyle=dash,
            markersize=7 if line.ours else 6,
            markeredgecolor=colours.page,
            markeredgewidth=0.7,
            # What lies on an edge is seen whole.
            clip_on=False,
            linewidth=2.4 if line.ours else 1.6,
            zorder=4 if line.ours else 3,
        )

    if chart.goal is not None:
        plane.axhline(chart.goal, color=colours.goal, linewidth=1.6, linestyle=_WANTED, zorder=2)

    _name(chart, styles, plane, colours)


def scale_of(axis: Axis, values: Iterable[float]) -> tuple[Scale, float]:
    """Say how an axis runs.

    Returns:
        Its scale, and the smallest figure above nothing: up to it, steps by factors that have to
        show a zero too are even. 0 where there is none.
    """
    found = list(values)
    least = min((value for value in found if value > 0), default=0.0)
    if not axis.log or least == 0:
        return "linear", least

    return ("log" if min(found) > 0 else "symlog"), least


def _scale_x(axis: Axis, values: Sequence[float], plane: Plane) -> None:
    scale, least = scale_of(axis, values)
    plane.set_xscale(scale, **({"linthresh": least} if scale == "symlog" else {}))
    if 0 < len(values) <= _FEW:
        plane.set_xticks(values, [tick(value) for value in values])
        plane.set_xticks([], minor=True)
    else:
        plane.xaxis.set_major_formatter(tick)


def _scale_y(axis: Axis, values: Sequence[float], plane: Plane) -> None:
    scale, least = scale_of(axis, values)
    plane.set_yscale(scale, **({"linthresh": least} if scale == "symlog" else {}))
    most = max(values, default=1.0)
    match scale:
        case "log":
            plane.set_ylim(least / 1.5, most * 1.5)
        case "symlog":
            plane.set_ylim(0.0, most * 1.5)
        case "linear":
            plane.set_ylim(min(0.0, *values, 0.0), (most or 1.0) * 1.08)

    plane.yaxis.set_major_formatter(tick)
    if scale != "linear":
        factor = most / least if scale == "log" else math.inf
        shown = tick if factor < _CLOSE else between if factor < NARROW else nothing
        plane.yaxis.set_minor_formatter(shown)


def _styles(lines: Iterable[Line], colours: Colours) -> list[tuple[str, str, object]]:
    """Give each line a colour, a marker and a dash; ours are never dashed."""
    markers = cycle(_MARKERS)
    ours = cycle(colours.ours)
    others = cycle(colours.others[1:])
    dashes = cycle(_DASHES[1:])
    return [
        (next(ours), next(markers), "-")
        if line.ours
        else (next(others), next(markers), next(dashes))
        for line in lines
    ]


def _name(
    chart: Lines, styles: list[tuple[str, str, object]], plane: Plane, colours: Colours
) -> None:
    """Write each name at the right, as high as its line ends or near it; the goal's too."""
    # A name, where its line ends, and how it looks.
    named = [
        (fold(line.name, _NAME_CHARACTERS), _height_of(line.points[-1], plane), style, line.ours)
        for line, style in zip(chart.lines, styles, strict=True)
        if line.points
    ]
    if chart.goal is not None:
        height = _height_of((plane.get_xlim()[0], chart.goal), plane)
        text = wanted(chart.goal, chart.bound, chart.y.unit)
        named.append((text, height, (colours.goal, "_", "-"), False))

    rows = max((name.count("\n") + 1 for name, *_ in named), default=1)
    places = spread([height for _, height, _, _ in named], _LINE_OF_TEXT * rows + 0.01)
    for (name, _, (paint, marker, _), ours), place in zip(named, places, strict=True):
        plane.plot(
            [1.03],
            [place],
            transform=plane.transAxes,
            clip_on=False,
            color=paint,
            marker=marker,
            markersize=7,
            markeredgewidth=1.6 if marker == "_" else 0.7,
        )
        plane.text(
            1.055,
            place,
            name,
            transform=plane.transAxes,
            ha="left",
            va="center",
            color=paint,
            weight="bold" if ours else "normal",
            linespacing=1.05,
        )


def _height_of(point: tuple[float, float], plane: Plane) -> float:
    """Return where a point lies between the bottom, 0, and the top, 1."""
    _, height = plane.transAxes.inverted().transform(plane.transData.transform(point))
    return float(height)
