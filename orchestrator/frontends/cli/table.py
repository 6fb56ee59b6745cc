"""Tables: drawn by rich on a terminal, aligned text where a program reads."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.table import Table as RichTable

#: The colours of the words for a state.
STYLES: Final = {
    "starting": "cyan",
    "running": "bold cyan",
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
    "ended": "green",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        title: Its heading.
        right: Numbers stand on the right.
        states: Its words are states, and are coloured as such.
        wrap: May be folded on a narrow terminal; others are not.
    """

    title: str
    right: bool = False
    states: bool = False
    wrap: bool = False


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

    Console(highlight=False).print(drawn(table))


def as_text(table: Table) -> str:
    """Align it with spaces; no cell is cut."""
    lines = [tuple(column.title for column in table.columns), *table.rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(table.columns))]
    text = ""
    for line in lines:
        cells = [
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(line, widths, table.columns, strict=True)
        ]
        text += "  ".join(cells).rstrip() + "\n"

    return text


def drawn(table: Table, *, title: str | None = None) -> RichTable:
    """Make rich's table of it."""
    from rich import box  # noqa: PLC0415  60 ms, and only for a terminal
    from rich.table import Table as RichTable  # noqa: PLC0415  the same
    from rich.text import Text  # noqa: PLC0415  the same

    shown = RichTable(
        box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False
    )
    for column in table.columns:
        shown.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=not column.wrap,
            overflow="fold" if column.wrap else "ellipsis",
        )

    for row in table.rows:
        shown.add_row(
            *(
                Text(cell, style=STYLES.get(cell.split(" ")[0], "") if column.states else "")
                for cell, column in zip(row, table.columns, strict=True)
            )
        )

    return shown
