"""Lengths beside each other, their figures at the right, and the goal as a line across."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.words import TIMES, label, short, wanted, with_unit

from .layout import NARROW, between, fold, nothing, tick

if TYPE_CHECKING:
    from matplotlib.transforms import Transform

    from benchmarks.charts import Bar, Bars

    from .colours import Colours
    from .plane import Plane

#: Inches of each bar, and of everything around them.
_PER_BAR: Final = 0.36
_AROUND: Final = 1.3

_THICK: Final = 0.62
_NAME_CHARACTERS: Final = 34

#: Points of a character, bold ones too, and between two columns of figures.
_CHARACTER: Final = 6.5
_BETWEEN: Final = 14.0

#: How far beyond the longest bar it goes.
_BEYOND: Final = 1.04


def bars_height(chart: Bars) -> float:
    """Return how high its picture is, in inches."""
    lines = sum(fold(bar.name, _NAME_CHARACTERS).count("\n") for bar in chart.bars)
    return _AROUND + _PER_BAR * len(chart.bars) + 0.14 * lines


def draw_bars(chart: Bars, plane: Plane, colours: Colours) -> None:
    """Draw them from the top down, in their order."""
    places = [float(-number) for number in range(len(chart.bars))]
    paints = [colours.ours[0] if bar.ours else colours.others[0] for bar in chart.bars]
    plane.barh(places, [bar.value for bar in chart.bars], _THICK, color=paints, zorder=2)
    plane.set_ylim(places[-1] - 0.6 if places else -1.0, 0.6)
    _scale(chart, plane)
    columns = _columns(chart)
    for row, (place, bar) in enumerate(zip(places, chart.bars, strict=True)):
        _write(bar, place, plane, colours)
        for end, figures in columns:
            at = (end, place, plane.get_yaxis_transform())
            _put(figures[row], at, plane, bar.ours, colours)

    plane.set_yticks(places, [""] * len(places))
    plane.set_xlabel(label(chart.axis), loc="left")
    plane.grid(visible=True, axis="x", color=colours.grid, linewidth=0.7)
    plane.set_axisbelow(b=True)
    for side in ("top", "right", "bottom"):
        plane.spines[side].set_visible(False)

    plane.tick_params("both", which="both", length=0)
    if chart.goal is not None:
        _draw_goal(chart, chart.goal, plane, colours)

    if len(columns) > 1:
        _put("÷ floor", (columns[-1][0], 1.02, plane.transAxes), plane, None, colours)


def _columns(chart: Bars) -> list[tuple[float, list[str]]]:
    """Return the columns of figures at the right: where each ends, in points, and its figures."""
    values = [with_unit(short(bar.value), chart.axis.unit) for bar in chart.bars]
    ratios = ["" if bar.ratio is None else f"{short(bar.ratio)} {TIMES}" for bar in chart.bars]
    found: list[tuple[float, list[str]]] = []
    end = 0.0
    for figures in (values, ratios):
        widest = max(map(len, figures), default=0)
        if widest:
            end += _BETWEEN + _CHARACTER * widest
            found.append((end, figures))

    return found


def _put(
    text: str,
    at: tuple[float, float, Transform],
    plane: Plane,
    ours: bool | None,
    colours: Colours,
) -> None:
    """Write a figure at the right of the axes.

    Args:
        text: The figure.
        at: Where it ends, in points from the axes; how high, and what that is measured in.
        plane: Beside which.
        ours: None for a heading.
        colours: Of the page.
    """
    end, height, where = at
    plane.annotate(
        text,
        (1.0, height),
        xycoords=where,
        xytext=(end, 0.0),
        textcoords="offset points",
        annotation_clip=False,
        ha="right",
        va="bottom" if ours is None else "center",
        color=colours.faint if ours is None else colours.ours[0] if ours else colours.ink,
        weight="bold" if ours else "normal",
        size=8.5 if ours is None else 9.5,
    )


def _scale(chart: Bars, plane: Plane) -> None:
    """Let it go from nothing to beyond the longest, or by factors from below the shortest."""
    reach = [bar.value if bar.high is None else bar.high for bar in chart.bars]
    reach += [bar.value for bar in chart.bars]
    reach += [] if chart.goal is None else [chart.goal]
    above = [value for value in reach if value > 0]
    if not above:
        plane.set_xlim(0.0, 1.0)
    elif chart.axis.log:
        plane.set_xscale("log")
        plane.set_xlim(min(above) / 2, max(above) * 1.3)
        narrow = max(above) / min(above) < NARROW
        plane.xaxis.set_minor_formatter(between if narrow else nothing)
    else:
        plane.set_xlim(0.0, max(above) * _BEYOND)

    plane.xaxis.set_major_formatter(tick)


def _write(bar: Bar, place: float, plane: Plane, colours: Colours) -> None:
    beside = plane.get_yaxis_transform()
    weight = "bold" if bar.ours else "normal"
    ink = colours.ours[0] if bar.ours else colours.ink
    plane.text(
        -0.015,
        place,
        fold(bar.name, _NAME_CHARACTERS),
        transform=beside,
        ha="right",
        va="center",
        color=ink,
        weight=weight,
        linespacing=1.05,
    )
    if bar.low is not None and bar.high is not None:
        plane.hlines(place, bar.low, bar.high, color=colours.page, linewidth=3.4, zorder=3)
        plane.hlines(place, bar.low, bar.high, color=colours.ink, linewidth=1.3, zorder=4)


def _draw_goal(chart: Bars, goal: float, plane: Plane, colours: Colours) -> None:
    plane.axvline(goal, color=colours.goal, linewidth=1.6, linestyle=(0, (5, 3)), zorder=5)
    left, right = plane.get_xlim()
    near_left = goal < (left + right) / 2 if not chart.axis.log else goal**2 < left * right
    plane.text(
        goal,
        1.0,
        f" {wanted(goal, chart.bound, chart.axis.unit)} ",
        transform=plane.get_xaxis_transform(),
        ha="left" if near_left else "right",
        va="bottom",
        color=colours.goal,
        size=8.5,
    )
