"""``orchestrator demo``: the main promise, shown on the real thing and counted from outside."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import anyio

from orchestrator.app import one_error
from orchestrator.config import Settings
from orchestrator.errors import NotFoundError
from orchestrator.frontends.cli.signals import watch_signals
from orchestrator.frontends.cli.table import Column, Table, at_a_terminal, print_table

from .scene import play
from .stage import LiveStage, PlainStage, SilentStage

if TYPE_CHECKING:
    from .report import Report
    from .stage import Stage


def demo(*, provider: str | None, as_json: bool) -> int:
    """Play it, and return the exit status: 0 when nobody is left.

    Raises:
        NotFoundError: Its CLI is not installed.
        OrchestratorError: The server did not do what it was asked for.
    """
    if provider == "claude":
        _check_claude()

    with ExitStack() as stack, one_error():
        name = stack.enter_context(
            TemporaryDirectory(prefix="orchestrator-demo-", ignore_cleanup_errors=True)
        )
        stage: Stage = SilentStage()
        if not as_json:
            stage = stack.enter_context(LiveStage()) if at_a_terminal() else PlainStage()

        folder = Path(name).resolve()
        report = anyio.run(partial(_play, stage, folder, real=provider is not None))

    if isinstance(report, signal.Signals):
        sys.stderr.write(f"orchestrator: {report.name}: the demo ends early, and its server too\n")
        return 128 + report

    if as_json:
        sys.stdout.write(json.dumps(asdict(report), indent=2) + "\n")
    else:
        _print(report)

    return 0 if report.succeeded else 1


async def _play(stage: Stage, folder: Path, *, real: bool) -> Report | signal.Signals:
    """Play it, unless a signal ends it before; leaving it ends the server and its agents."""
    ended: list[Report | signal.Signals] = []
    playing = anyio.CancelScope()

    def heard(number: signal.Signals) -> None:
        ended.append(number)
        playing.cancel()

    async with anyio.create_task_group() as watching:
        # In place until the server is gone: a second signal must not cut off its end.
        await watching.start(watch_signals, heard)
        with playing:
            ended.append(await play(stage, folder, real=real))

        watching.cancel_scope.cancel()

    return ended[0]


def _check_claude() -> None:
    settings = Settings.read()
    program = settings.claude_executable[0] if settings.claude_executable else "claude"
    if shutil.which(program) is None:
        raise NotFoundError(
            f"the claude CLI ({program!r}) was not found: install it (`npm install -g "
            "@anthropic-ai/claude-code`), log in, or name it in CLAUDE_EXECUTABLE; "
            "`orchestrator demo` alone needs neither"
        )


def _print(report: Report) -> None:
    columns = (
        Column(title="AGENT"),
        Column(title="PROCS", right=True),
        Column(title="HOW IT ENDED", least=16),
        Column(title="WHAT WAS DONE", least=24),
    )
    rows = tuple(
        (agent.habit, str(agent.processes), agent.ended, agent.done or "-")
        for agent in report.agents
    )
    sys.stdout.write("\nHow each of them ended, as the next start records it:\n")
    print_table(Table(columns, rows))
    left = ", ".join(report.processes_left) or "none"
    _print_line("")
    _print_line(f"The server got SIGKILL at {report.killed_after_s:.1f} s.")
    _print_line(
        f"Processes started: {report.processes_started}; "
        f"left: {left}, {report.ended_after_s:.1f} s later.",
        style="bold red" if report.processes_left else "bold green",
    )
    _print_line(f"Counted from outside: {report.counted_by}.")
    for reason in report.not_shown:
        _print_line(f"Not shown: {reason}")


def _print_line(text: str, *, style: str = "") -> None:
    """Print it; a terminal gets it broken between words."""
    if not at_a_terminal():
        sys.stdout.write(f"{text}\n")
        return

    from rich.console import Console  # noqa: PLC0415  60 ms, and only for a terminal
    from rich.text import Text  # noqa: PLC0415  the same

    Console(highlight=False).print(Text(text, style=style))
