"""Tables: drawn by rich on a terminal, aligned text where a program reads."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.table import Table as RichTable

#: Spaces between two columns.
_GAP: Final = 2

#: The colours of the words for a state.
STYLES: Final = {
    "starting": "cyan",
    "running": "bold cyan",
    "frozen": "blue",
    "stopping": "yellow",
    "unsettled": "yellow",
    "completed": "green",
    "failed": "red",
    "lost": "red",
    "terminated": "magenta",
    "ok": "green",
    "note": "dim",
    "warning": "yellow",
    "broken": "bold red",
    "working": "bold cyan",
    "ended": "magenta",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        title: Its heading.
        right: Numbers stand on the right.
        states: Its words are states, and are coloured as such.
        least: Characters below which it is not folded on a narrow terminal; None: never folded.
        spare: A narrow terminal goes without it, the highest number first; 0 always stays.
    """

    title: str
    right: bool = False
    states: bool = False
    least: int | None = None
    spare: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows of text."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


def at_a_terminal() -> bool:
    """Whether a person looks at what is printed."""
    return sys.stdout.isatty()


def print_table(table: Table) -> None:
    """Print it for whoever reads it."""
    if not at_a_terminal():
        sys.stdout.write(as_text(table))
        return

    from rich.console import Console  # noqa: PLC0415  60 ms, and only for a terminal

    console = Console(highlight=False)
    console.print(drawn(table, width=console.width))


def as_text(table: Table) -> str:
    """Align it with spaces; no cell is cut."""
    lines = [tuple(column.title for column in table.columns), *table.rows]
    widths = _wanted(table)
    text = ""
    for line in lines:
        cells = [
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(line, widths, table.columns, strict=True)
        ]
        text += "  ".join(cells).rstrip() + "\n"

    return text


def drawn(table: Table, *, width: int, title: str | None = None) -> RichTable:
    """Make rich's table of it, for a terminal with so many columns of characters."""
    from rich.table import Table as RichTable  # noqa: PLC0415  60 ms, and only for a terminal
    from rich.text import Text  # noqa: PLC0415  the same

    table = _fitted(table, width)
    shown = RichTable(
        box=None,
        padding=(0, _GAP, 0, 0),
        pad_edge=False,
        title=title,
        title_justify="left",
        title_style="bold",
    )
    for column, taken in zip(table.columns, _widths(table, width), strict=True):
        # Folded where even that is too wide: what is cut off cannot be copied into a command.
        shown.add_column(
            column.title,
            justify="right" if column.right else "left",
            width=taken,
            overflow="fold",
        )

    for row in table.rows:
        shown.add_row(
            *(
                Text(cell, style=STYLES.get(cell.split(" ")[0], "") if column.states else "")
                for cell, column in zip(row, table.columns, strict=True)
            )
        )

    return shown


def _fitted(table: Table, width: int) -> Table:
    """Leave out what can be spared, one column after the other, until the rest fits."""
    while sum(_least(table)) + _GAP * (len(table.columns) - 1) > width:
        spare = max(table.columns, key=lambda column: column.spare)
        if not spare.spare:
            break

        out = table.columns.index(spare)
        table = Table(
            table.columns[:out] + table.columns[out + 1 :],
            tuple(row[:out] + row[out + 1 :] for row in table.rows),
        )

    return table


def _wanted(table: Table) -> list[int]:
    lines = [tuple(column.title for column in table.columns), *table.rows]
    return [max(len(line[at]) for line in lines) for at in range(len(table.columns))]


def _least(table: Table) -> list[int]:
    return [
        wanted if column.least is None else min(wanted, max(column.least, len(column.title)))
        for column, wanted in zip(table.columns, _wanted(table), strict=True)
    ]


def _widths(table: Table, width: int) -> list[int]:
    """Give each column the least that it needs, and those that are folded what is left over."""
    widths = _least(table)
    left = max(width - sum(widths) - _GAP * (len(widths) - 1), 0)
    wanting = [
        (wanted - has, at)
        for at, (wanted, has) in enumerate(zip(_wanted(table), widths, strict=True))
    ]
    for number, (lacks, at) in enumerate(sorted(wanting)):
        share = min(lacks, left // (len(wanting) - number))
        widths[at] += share
        left -= share

    return widths
