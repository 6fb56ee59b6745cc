"""A run on a terminal: the machine, the tables, the targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table as RichTable

from .words import short, with_unit

if TYPE_CHECKING:
    from rich.console import Console

    from .model import Cell, Column, PartResult, RunResult, Table, Verdict

_NOTHING = "-"
_MARKS = {True: "[green]✓ met[/]", False: "[red]✗ missed[/]", None: "[dim]not measured[/]"}


def print_machine(machine: dict[str, str], console: Console) -> None:
    """Print what a run is made on."""
    for name, value in machine.items():
        console.print(f"[dim]{name:12}[/] {escape(value)}", highlight=False)

    console.print()


def print_part(part: PartResult, console: Console) -> None:
    """Print what a part found."""
    console.rule(
        f"[bold]{part.name}[/], {part.seconds:.0f} s; the second before, cores were "
        f"{part.busy_before:.0f} % busy"
    )
    for table in part.tables:
        console.print(_rich(table))
        for note in table.notes:
            console.print(f"[dim]· {escape(note)}[/]", highlight=False)

        console.print()

    for skipped in part.skipped:
        console.print(f"[yellow]skipped[/] {escape(skipped.name)}: {escape(skipped.reason)}")

    for verdict in part.verdicts:
        console.print(_line(verdict), highlight=False)

    if part.failure is not None:
        console.print(f"[bold red]broken[/] {escape(part.failure)}", highlight=False)

    console.print()


def print_end(run: RunResult, console: Console) -> None:
    """Print what counts for the exit status: whether anything was broken, or anybody left."""
    verdicts = [verdict for part in run.parts for verdict in part.verdicts]
    met = sum(verdict.met is True for verdict in verdicts)
    console.print(f"targets met: {met} of {len(verdicts)}; {run.seconds:.0f} s", highlight=False)
    if run.left:
        console.print(f"[bold red]left by the benchmark, ended now:[/] {', '.join(run.left)}")
    else:
        console.print("left by the benchmark: no process")


def cell(value: Cell, column: Column) -> str:
    """Return what stands in a cell."""
    match value:
        case None:
            return _NOTHING
        case str():
            return value
        case int() | float():
            return f"{value:,.{column.digits}f}"


def _rich(table: Table) -> RichTable:
    shown = RichTable(title=table.title, title_justify="left", title_style="bold")
    for number, column in enumerate(table.columns):
        heading = f"{column.name} [{column.unit}]" if column.unit else column.name
        shown.add_column(escape(heading), justify="right" if number else "left", no_wrap=not number)

    for row in table.rows:
        cells = zip(row, table.columns, strict=True)
        shown.add_row(*(escape(cell(value, column)) for value, column in cells))

    return shown


def _line(verdict: Verdict) -> str:
    target = verdict.target
    sign = "≤" if target.bound == "at most" else "≥"
    figure = _NOTHING if verdict.figure is None else with_unit(short(verdict.figure), target.unit)
    detail = f" ({verdict.detail})" if verdict.detail else ""
    wanted = f"{sign} {with_unit(f'{target.limit:g}', target.unit)}"
    return f"{_MARKS[verdict.met]}  {escape(f'{target.name}: {figure}, wanted {wanted}{detail}')}"
