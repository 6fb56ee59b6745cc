"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import psutil
from rich.console import Console
from rich.markup import escape

from . import plots
from .errors import BrokenError
from .ground import open_ground
from .machine import describe
from .model import PartResult, RunResult, Skipped
from .parts import PARTS
from .parts.base import Context
from .plan import FULL, QUICK, SMOKE
from .progress import show_progress
from .report import print_end, print_machine, print_part

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from .parts.base import Part
    from .plan import Plan

#: Exit statuses: a benchmark is broken; somebody has interrupted it.
BROKEN: Final = 1
INTERRUPTED: Final = 130

#: Columns that the widest table needs; a narrower terminal would cut its figures.
WIDTH: Final = 132


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for.

    Args:
        arguments: None for those of the process.

    Returns:
        0, whatever the figures are; 1 when a benchmark is broken or left a process.
    """
    asked = _parser().parse_args(arguments)
    if asked.list:
        for part in PARTS:
            sys.stdout.write(f"{part.name:10} {part.summary}\n")

        return 0

    signal.signal(signal.SIGTERM, terminated)
    console = _console()
    plan = SMOKE if asked.smoke else QUICK if asked.quick else FULL
    parts = [part for part in PARTS if not asked.parts or part.name in asked.parts]
    try:
        run = measure(parts, plan, console, asked.json)
    except KeyboardInterrupt:
        console.print("interrupted; everything that ran was ended")
        return INTERRUPTED

    drawn = True
    if asked.plots is not None:
        drawn = draw(run, asked.plots, console)

    return 0 if run.sound and drawn else BROKEN


def measure(
    parts: Sequence[Part], plan: Plan, console: Console, file: Path | None = None
) -> RunResult:
    """Run the parts one after the other, and print each as soon as it is done.

    Args:
        parts: What to run.
        plan: How much of it.
        console: Takes what is found.
        file: Gets it as JSON, after each part anew.
    """
    began = time.monotonic()
    machine = describe()
    if file is not None:
        file.touch()  # what cannot be written is said before anything is measured

    print_machine(machine, console)
    results: list[PartResult] = []
    left: list[str] = []

    def so_far() -> RunResult:
        return RunResult(
            plan=plan.name,
            machine=machine,
            parts=tuple(results),
            left=tuple(left),
            seconds=round(time.monotonic() - began, 1),
        )

    with open_ground() as ground, show_progress() as steps:
        context = Context(ground=ground, plan=plan, steps=steps)
        for part in parts:
            busy = psutil.cpu_percent(interval=1.0)
            started = time.monotonic()
            measured = _measure_one(part, context)
            took = round(time.monotonic() - started, 1)
            result = measured.model_copy(update={"busy_before": busy, "seconds": took})
            left.extend(f"{part.name}: {who}" for who in ground.sweep())
            results.append(result)
            print_part(result, console)
            if file is not None:
                file.write_text(so_far().model_dump_json(indent=1) + "\n", encoding="utf-8")

    run = so_far()
    print_end(run, console)
    return run


def _measure_one(part: Part, context: Context) -> PartResult:
    reason = part.missing()
    if reason is not None:
        return PartResult(name=part.name, skipped=(Skipped(name=part.name, reason=reason),))

    try:
        return part.measure(context)
    except BrokenError as error:
        return PartResult(name=part.name, failure=str(error))
    except Exception as error:  # noqa: BLE001  a part does not take the others with it
        return PartResult(name=part.name, failure=f"{type(error).__name__}: {error}")


def draw(run: RunResult, folder: Path, console: Console) -> bool:
    """Draw all charts, or say why not.

    Args:
        run: Whose charts.
        folder: Where to.
        console: Takes what is said of it.

    Returns:
        Whether no chart is broken; that nothing can be drawn here does not count.
    """
    reason = plots.missing()
    if reason is not None:
        console.print(f"[yellow]plots skipped:[/] {reason}", highlight=False)
        return True

    try:
        written = plots.write_plots([chart for part in run.parts for chart in part.charts], folder)
    except BrokenError as error:
        console.print(f"[bold red]broken[/] {escape(str(error))}", highlight=False)
        return False

    console.print(f"plots: {len(written)} files in {escape(str(folder))}", highlight=False)
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="How fast agents start and stop, and what they cost while they run.",
        epilog="A figure never fails a run; only a broken benchmark does.",
    )
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        choices=[*(part.name for part in PARTS), []],
        help=f"what to run; without one, all: {', '.join(part.name for part in PARTS)}",
    )
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument("--quick", action="store_true", help="a short run, a few minutes")
    effort.add_argument(
        "--smoke", action="store_true", help="only show that it works; the figures mean nothing"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there, too")
    parser.add_argument(
        "--plots", type=Path, metavar="FOLDER", help="draw all charts there, as SVG and PNG"
    )
    parser.add_argument("--list", action="store_true", help="name the parts, and run none")
    return parser


def _console() -> Console:
    console = Console()
    if not console.is_terminal:
        return Console(width=WIDTH)

    return console


def terminated(_number: int, _frame: FrameType | None) -> NoReturn:
    """End as after Ctrl-C: through every clean-up."""
    raise KeyboardInterrupt
