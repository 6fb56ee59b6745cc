"""Markdown: tables, pictures, and words that are safe in both."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

from benchmarks.plots import file_name
from benchmarks.report import cell
from benchmarks.words import NOTHING, short, with_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.charts import Chart
    from benchmarks.model import Table

#: Rows from which on a table, or a heat map, is folded away.
_LONG: Final = 30

#: An absolute path of a file; what /proc and /sys hold is the same on every machine.
_PATH: Final = re.compile(r"(?<![\w.:/-])/(?!proc/|sys/)(?:[\w.+@-]+/)+([\w.+@-]*)")

#: Code, and what means something outside of it.
_CODE: Final = re.compile(r"(`[^`]+`)")
_SPECIAL: Final = re.compile(r"([\\*_<>|`\[\]])")


def plain(text: str) -> str:
    """Take a machine's own paths out of a text: of each, the last name stays."""
    return _PATH.sub(lambda match: match[1] or "…", text)


def words(text: str) -> str:
    """Make a text safe between other Markdown, in one line; what is between backticks is code."""
    pieces = _CODE.split(" ".join(plain(text).split()))
    return "".join(
        piece.replace("|", r"\|") if number % 2 else _SPECIAL.sub(r"\\\1", piece)
        for number, piece in enumerate(pieces)
    )


def grid(headings: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """Lay out a table.

    Args:
        headings: Of its columns.
        rows: What stands in them; escaped already.
        left: How many columns are words; the others are figures.
    """
    rule = ["---" if number < left else "--:" for number in range(len(headings))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, rule, *rows))


def table(shown: Table) -> str:
    """Lay out a table of a part with its title and its notes; a long one is folded away."""
    headings = [
        words(f"{column.name} [{column.unit}]" if column.unit else column.name)
        for column in shown.columns
    ]
    rows = [
        [words(cell(value, column)) for value, column in zip(row, shown.columns, strict=True)]
        for row in shown.rows
    ]
    leading = next(
        (
            number
            for number in range(len(shown.columns))
            if not all(isinstance(row[number], str) for row in shown.rows)
        ),
        len(shown.columns),
    )
    body = grid(headings, rows, left=max(1, leading))
    notes = "\n".join(f"- {words(note)}" for note in shown.notes)
    title = words(shown.title)
    if len(rows) >= _LONG:
        body = _folded(f"{title} ({len(rows)} rows)", body)
    else:
        body = f"**{title}**\n\n{body}"

    return f"{body}\n\n{notes}" if notes else body


def _folded(summary: str, body: str) -> str:
    return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


def picture(chart: Chart, folder: str) -> str:
    """Show a chart: the SVG for the reader's kind of page, and links to the PNGs.

    A long heat map is folded away.

    Args:
        chart: What it shows.
        folder: Where its files are, seen from the page.
    """
    address = f"{folder}/{{}}".format
    light, dark = (address(file_name(chart.key, theme, "svg")) for theme in ("light", "dark"))
    pngs = [
        f"[{theme}]({address(file_name(chart.key, theme, 'png'))})" for theme in ("light", "dark")
    ]
    shown = (
        "<picture>\n"
        f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">\n'
        f'<img alt="{html.escape(told(chart))}" src="{light}">\n'
        "</picture>\n\n"
        f"<sub>PNG: {', '.join(pngs)}</sub>"
    )
    if chart.kind == "heat" and len(chart.rows) >= _LONG:
        return _folded(words(chart.title), shown)

    return shown


def told(chart: Chart) -> str:
    """Tell in words what a chart shows, for those who do not see it."""
    match chart.kind:
        case "bars":
            unit = chart.axis.unit
            figures = [f"{bar.name} {with_unit(short(bar.value), unit)}" for bar in chart.bars]
        case "lines":
            figures = [
                f"{line.name} from {short(line.points[0][1])} to "
                f"{with_unit(short(line.points[-1][1]), chart.y.unit)}"
                for line in chart.lines
                if line.points
            ]
        case "heat":
            pairs = zip(chart.rows, chart.cells, strict=True)
            figures = [
                f"{row}: {' '.join(NOTHING if one is None else short(one) for one in cells)}"
                for row, cells in pairs
            ]

    return plain(f"{chart.title}: {'; '.join(figures)}")
