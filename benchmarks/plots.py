"""Plots of a run's charts, in files: SVG and PNG, for light pages and for dark ones."""

from __future__ import annotations

import importlib.util
from collections import Counter
from typing import TYPE_CHECKING, Final, Literal

from .errors import BrokenError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .charts import Chart

Theme = Literal["light", "dark"]
Form = Literal["svg", "png"]

THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
FORMS: Final[tuple[Form, ...]] = ("svg", "png")


def missing() -> str | None:
    """Say why nothing can be drawn here; None when it can."""
    if importlib.util.find_spec("matplotlib") is None:
        return "matplotlib is not installed: pip install --group bench"

    return None


def file_name(key: str, theme: Theme, form: Form) -> str:
    """Return what the file of a chart is called, e.g. ``launch-p50-dark.svg``.

    Args:
        key: Of the chart.
        theme: The page that it is for.
        form: Of the file.
    """
    return f"{key}-{theme}.{form}"


def write_plots(charts: Sequence[Chart], folder: Path) -> tuple[Path, ...]:
    """Draw all charts; the same charts give the same bytes.

    Args:
        charts: What to draw.
        folder: Made when it is not there. Files of the same names are replaced.

    Returns:
        The files that were written.

    Raises:
        BrokenError: Two charts have the same key.
        ImportError: There is no matplotlib; `missing` says so before.
    """
    twice = [key for key, count in Counter(one.key for one in charts).items() if count > 1]
    if twice:
        raise BrokenError(f"charts share a key, and so their files: {', '.join(twice)}")

    # A second to import, which a run without plots does not pay.
    from .drawing import draw  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for chart in charts:
        for theme in THEMES:
            files = [folder / file_name(chart.key, theme, form) for form in FORMS]
            draw(chart, theme, files)
            written += files

    return tuple(written)
