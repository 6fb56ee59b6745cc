"""How far a run is, on standard error: a moving line on a terminal, else a line now and then."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from collections.abc import Generator

#: Seconds between two lines where there is no terminal.
INTERVAL: Final = 10.0


class Steps(Protocol):
    """Takes what is being done."""

    def begin(self, what: str, steps: int) -> None:
        """Begin something that takes so many steps."""
        ...

    def advance(self) -> None:
        """One more step is done."""
        ...


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._what = ""
        self._steps = 0
        self._done = 0
        self._said = self._began = time.monotonic()

    def begin(self, what: str, steps: int) -> None:
        self._what, self._steps, self._done = what, steps, 0
        self._began = time.monotonic()
        self._say()

    def advance(self) -> None:
        self._done += 1
        if time.monotonic() - self._said >= INTERVAL:
            self._say()

    def _say(self) -> None:
        self._said = time.monotonic()
        line = f"{self._what}: {self._done}/{self._steps}"
        if self._done:
            rate = self._done / (self._said - self._began)
            left = (self._steps - self._done) / rate
            line += f", {rate:.1f} per s, {left:.0f} s to go"

        self._console.print(line, highlight=False)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> str:
        speed = task.finished_speed or task.speed
        return "" if speed is None else f"{speed:.1f}/s"


class _Bar:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("starting", total=None)

    def begin(self, what: str, steps: int) -> None:
        self._progress.reset(self._task, description=what, total=steps, start=True)

    def advance(self) -> None:
        self._progress.advance(self._task)
        # Drawn between two measurements, never by a thread in the middle of one.
        self._progress.refresh()


@contextmanager
def show_progress() -> Generator[Steps]:
    """Show progress for the length of the block."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(console)
        return

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        yield _Bar(progress)
