"""A picture from an empty sheet to its files; the same chart gives the same bytes."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image

from .bars import bars_height, draw_bars
from .colours import DARK, LIGHT
from .heat import draw_heat, heat_height
from .layout import fold
from .lines import LINES_HEIGHT, draw_lines
from .plane import page_of, plane_of, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.charts import Chart
    from benchmarks.plots import Theme

    from .colours import Colours
    from .plane import Page

#: Inches; as wide as the text of a page.
WIDTH: Final = 8.6

#: Dots per inch of a PNG: twice what a page shows.
_DPI: Final = 160

#: Colours of a PNG.
_TONES: Final = 64

_TITLE_SIZE: Final = 12.5
_TITLE_CHARACTERS: Final = 88
_PADDING: Final = 0.1

_COLOURS: Final = {"light": LIGHT, "dark": DARK}


def draw(chart: Chart, theme: Theme, files: Iterable[Path]) -> None:
    """Draw a chart into files; their suffixes say in which form.

    Args:
        chart: What is drawn.
        theme: The page that it is for.
        files: They are replaced.
    """
    colours = _COLOURS[theme]
    settings: dict[str, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": f"{chart.key}-{theme}",
        # The first one comes with matplotlib; the others are for who looks at an SVG.
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
        "font.size": 9.5,
        "text.color": colours.ink,
        "axes.labelcolor": colours.faint,
        "axes.edgecolor": colours.grid,
        "axes.facecolor": colours.page,
        "xtick.color": colours.faint,
        "ytick.color": colours.faint,
        "hatch.color": colours.grid,
        "figure.constrained_layout.w_pad": _PADDING,
        "figure.constrained_layout.h_pad": _PADDING,
    }
    with settings_of(mpl, settings):
        page = _compose(chart, colours)
        for file in files:
            if file.suffix == ".svg":
                page.savefig(file, facecolor=colours.page, metadata={"Date": None, "Creator": None})
            else:
                _write_png(page, file, colours)


def _write_png(page: Page, file: Path, colours: Colours) -> None:
    """Write few colours: a third of the bytes, and no difference that is seen."""
    raw = BytesIO()
    page.savefig(raw, format="png", dpi=_DPI, facecolor=colours.page)
    with Image.open(raw) as image:
        image.convert("RGB").quantize(_TONES).save(file, format="PNG", optimize=True)


def _compose(chart: Chart, colours: Colours) -> Page:
    page = page_of(Figure(figsize=(WIDTH, _height(chart)), layout="constrained"))
    page.suptitle(
        fold(chart.title, _TITLE_CHARACTERS),
        x=_PADDING / WIDTH,
        ha="left",
        fontsize=_TITLE_SIZE,
        fontweight="bold",
    )
    plane = plane_of(page.add_subplot())
    match chart.kind:
        case "bars":
            draw_bars(chart, plane, colours)
        case "lines":
            draw_lines(chart, plane, colours)
        case "heat":
            draw_heat(chart, plane, colours)

    return page


def _height(chart: Chart) -> float:
    match chart.kind:
        case "bars":
            return bars_height(chart)
        case "lines":
            return LINES_HEIGHT
        case "heat":
            return heat_height(chart)
