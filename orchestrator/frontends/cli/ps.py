"""``orchestrator ps``: the agents of a workspace."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import psutil

from orchestrator.model import Exited, Lost
from orchestrator.process import tree

from . import words
from .table import Column, Table, at_a_terminal, drawn, print_table
from .workspace import keeper_of, open_existing, unsettled

if TYPE_CHECKING:
    from rich.console import RenderableType

    from orchestrator.config import Settings
    from orchestrator.model import AgentRecord
    from orchestrator.registry import Registry

#: Seconds between two looks of ``--watch``.
_REFRESH: Final = 1.0

_UNSETTLED: Final = "its keeper has ended; the next start, or a stop, records how it ended"

#: Characters to which these columns may shrink on a narrow terminal.
_ENDED: Final = 20
_SURVIVORS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeUsage:
    """What a live agent and everything below it use now.

    Attributes:
        processes: How many there are, the agent included.
        rss_bytes: Resident memory; pages that they share are counted for each.
        cpu_s: CPU seconds so far, of those that have ended too.
    """

    processes: int
    rss_bytes: int
    cpu_s: float


def show(settings: Settings, *, everyone: bool, as_json: bool) -> None:
    """Print the agents of the workspace once.

    Raises:
        NotFoundError: There is no workspace.
        RegistryError: It cannot be read.
    """
    with open_existing(settings) as registry:
        records = registry.agents.find(live=None if everyone else True)
        if as_json:
            rows = [as_row(record) for record in records]
            sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        elif records:
            print_table(as_table(records))
        else:
            sys.stdout.write(nobody(registry, settings) + "\n")


def watch(settings: Settings, *, everyone: bool) -> None:
    """Keep the terminal up to date until Ctrl-C.

    Raises:
        NotFoundError: There is no workspace.
        RegistryError: It cannot be read.
    """
    from rich.console import Console  # noqa: PLC0415  60 ms, and only for a terminal
    from rich.live import Live  # noqa: PLC0415  the same

    pause = threading.Event()
    with open_existing(settings) as registry:
        console = Console(highlight=False)

        def look() -> RenderableType:
            records = registry.agents.find(live=None if everyone else True)
            now = f"{datetime.now().astimezone():%H:%M:%S}  {settings.workspace}  Ctrl-C ends"
            if not records:
                return nobody(registry, settings)

            return drawn(as_table(records), width=console.width, title=now)

        with Live(look(), console=console, auto_refresh=False) as live:
            try:
                while not pause.wait(_REFRESH):
                    live.update(look(), refresh=True)
            except KeyboardInterrupt:
                return


def nobody(registry: Registry, settings: Settings) -> str:
    """Say that the list is empty, and what there is to do about it."""
    ended = len(registry.agents.find(live=False))
    if ended:
        return f"No agent is live in {settings.workspace}; `--all` shows {ended} that ended."

    return (
        f"No agent was ever launched in {settings.workspace}; "
        "`orchestrator run -- CMD` launches one."
    )


def as_table(records: list[AgentRecord]) -> Table:
    """Make the table; columns in which there is nothing are left out."""
    rows = [as_row(record) for record in records]
    surviving = any(row["survivors"] for row in rows)
    columns = {
        Column(title="ID"): [row["id"] for row in rows],
        Column(title="STATUS", states=True): [row["status"] for row in rows],
        Column(title="PID", right=True): [str(row["pid"] or "-") for row in rows],
        Column(title="TIME", right=True, spare=3): [words.duration(row["seconds"]) for row in rows],
        Column(title="PROCS", right=True, spare=4): [_or_dash(row["processes"]) for row in rows],
        Column(title="MEM", right=True, spare=5): [
            "-" if row["rss_bytes"] is None else words.size(row["rss_bytes"]) for row in rows
        ],
        Column(title="CPU", right=True, spare=6): [
            "-" if row["cpu_s"] is None else words.duration(row["cpu_s"]) for row in rows
        ],
        Column(title="PROVIDER", spare=9): [row["provider"] for row in rows],
        Column(title="TYPE", spare=8): [row["agent_type"] for row in rows],
        Column(title="TASK", spare=7): [row["task_id"] or "" for row in rows],
        Column(title="ENDED", least=_ENDED): [row["ended"] for row in rows],
        Column(title="SURVIVORS", least=_SURVIVORS, spare=0 if surviving else 2): [
            _survivors(row["survivors"]) for row in rows
        ],
    }
    kept = {column: cells for column, cells in columns.items() if set(cells) - {"", "-"}}
    return Table(tuple(kept), tuple(zip(*kept.values(), strict=True)))


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _survivors(found: list[dict[str, Any]] | None) -> str:
    if found is None:
        return ""

    return ", ".join(f"{one['name']} {one['pid']}" for one in found) or "none"


def as_row(record: AgentRecord) -> dict[str, Any]:
    """Return what ``--json`` prints of an agent; its launch token stays a secret."""
    used = tree_usage(record)
    state = record.state
    outcome = state.outcome if isinstance(state, Exited) else None
    result = outcome.result if outcome else None
    return {
        "id": record.id,
        "status": status_of(record),
        "live": record.live,
        "pid": record.pid,
        "seconds": round((_until(record) - record.created_at).total_seconds(), 3),
        "created_at": record.created_at.isoformat(),
        "provider": record.provider,
        "agent_type": record.agent_type,
        "task_id": record.task_id,
        "parent": record.parent,
        "argv": list(record.argv),
        "cwd": str(record.cwd),
        "stdout": str(record.files.stdout),
        "stderr": str(record.files.stderr),
        "processes": used.processes if used else None,
        "rss_bytes": used.rss_bytes if used else None,
        "cpu_s": used.cpu_s if used else _cpu_of_ended(record),
        "ended": _UNSETTLED if unsettled(record) else words.ending(record),
        "exit": outcome.exit.model_dump() if outcome else None,
        "left_behind": _notes(outcome.left_behind) if outcome else None,
        "survivors": _notes(outcome.receipt.survivors if outcome.receipt else ())
        if outcome
        else None,
        "receipt": outcome.receipt.model_dump(mode="json") if outcome and outcome.receipt else None,
        "cost_usd": result.cost_usd if result else None,
    }


def _notes(found: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [note.model_dump() for note in found]


def status_of(record: AgentRecord) -> str:
    """Say in one word how an agent stands."""
    if unsettled(record):
        return "unsettled"

    state = record.state
    return state.outcome.verdict if isinstance(state, Exited) else state.kind


def _until(record: AgentRecord) -> datetime:
    match record.state:
        case Exited(outcome=outcome):
            return outcome.exited_at
        case Lost(at=at):
            return at
        case _:
            return datetime.now(UTC)


def _cpu_of_ended(record: AgentRecord) -> float | None:
    if not isinstance(record.state, Exited):
        return None

    usage = record.state.outcome.usage
    return round(usage.user_s + usage.system_s, 3)


def tree_usage(record: AgentRecord) -> TreeUsage | None:
    """Measure a live agent's tree; None for one that has no keeper."""
    keeper = keeper_of(record)
    if keeper is None or unsettled(record):
        return None

    everyone = tree.descendants(keeper.pid)
    rss = 0
    cpu = 0.0
    for proc in everyone:
        try:
            process = psutil.Process(proc.pid)
            with process.oneshot():
                rss += process.memory_info().rss
                times = process.cpu_times()
        except psutil.Error:
            continue

        cpu += times.user + times.system + times.children_user + times.children_system

    return TreeUsage(processes=len(everyone), rss_bytes=rss, cpu_s=round(cpu, 3))


def can_watch() -> bool:
    """Whether there is a terminal that can be kept up to date."""
    return at_a_terminal()
