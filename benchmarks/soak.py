"""``python -m benchmarks.soak``: thousands of lives of orchestrators, and what is left of them."""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
from rich.console import Console

from .errors import BrokenError
from .ground import open_ground
from .machine import describe
from .parts.base import no_linux
from .program import BROKEN, INTERRUPTED, WIDTH, terminated
from .progress import show_progress
from .report import print_machine, print_part
from .soaking.conduct import PATIENCE, Asked, conduct, default_lanes
from .soaking.tables import part_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .soaking.model import SoakReport

CYCLES: Final = 10_000

#: Cycles of a run that is ended by the clock: more than it can run.
_ENDLESS: Final = 10_000_000

_SECONDS_PER_HOUR: Final = 3600.0
_SKIPPED: Final = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for.

    Args:
        arguments: None for those of the process.

    Returns:
        0 when nothing is wrong; 1 when something is; 3 where it cannot be run at all.
    """
    asked = _parser().parse_args(arguments)
    reason = no_linux()
    if reason is not None:
        sys.stderr.write(f"the soak is skipped: {reason}\n")
        return _SKIPPED

    signal.signal(signal.SIGTERM, terminated)
    console = Console()
    console = console if console.is_terminal else Console(width=WIDTH)
    try:
        report = _run(_asked(asked), console)
    except KeyboardInterrupt:
        console.print("interrupted; everything that ran was ended")
        return INTERRUPTED
    except BrokenError as error:
        console.print(f"[bold red]broken[/] {error}", highlight=False)
        return BROKEN

    if asked.json is not None:
        asked.json.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")

    return 0 if report.sound else BROKEN


def _run(asked: Asked, console: Console) -> SoakReport:
    print_machine(describe(), console)
    console.print(f"seed {asked.seed}, {asked.lanes} lanes", highlight=False)
    busy = psutil.cpu_percent(interval=1.0)
    with open_ground() as ground:
        with show_progress() as steps:
            report = conduct(asked, ground, steps)

        report = report.model_copy(update={"left": ground.sweep()})

    print_part(
        part_result(report).model_copy(update={"busy_before": busy, "seconds": report.seconds}),
        console,
    )
    if report.cut_short:
        console.print(f"ended before its time, after {report.done} cycles", highlight=False)

    return report


def _asked(arguments: argparse.Namespace) -> Asked:
    hours = arguments.hours
    cycles = arguments.cycles or (CYCLES if hours is None else _ENDLESS)
    return Asked(
        seed=secrets.randbelow(1_000_000) if arguments.seed is None else arguments.seed,
        cycles=cycles,
        from_cycle=arguments.from_cycle,
        to_cycle=arguments.to_cycle,
        seconds=None if hours is None else hours * _SECONDS_PER_HOUR,
        lanes=arguments.lanes or default_lanes(),
        patience=arguments.patience,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak",
        description="Lives of orchestrators, one after the other, with nasty agents and every "
        "kind of end; counted from outside what is left of them.",
        epilog="Ctrl-C ends it after the present cycles, with what was found so far; a second "
        "one at once. The exit status is 1 when anything is wrong.",
    )
    parser.add_argument(
        "--cycles",
        type=int,
        metavar="N",
        help=f"cycles of launches and stops, {CYCLES:,} without it",
    )
    parser.add_argument("--hours", type=float, metavar="H", help="end after so many hours")
    parser.add_argument(
        "--seed", type=int, metavar="S", help="draw everything from it; without it, a new one"
    )
    parser.add_argument(
        "--lanes", type=int, metavar="L", help="workspaces side by side; 3 for each core"
    )
    parser.add_argument(
        "--from-cycle", type=int, default=0, metavar="N", help="leave out what is before it"
    )
    parser.add_argument(
        "--to-cycle", type=int, metavar="N", help="leave out what is after it; to see one again"
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=PATIENCE,
        metavar="S",
        help=f"seconds after which what should be over counts as wrong; {PATIENCE:g} without it",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
