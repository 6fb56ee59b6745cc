"""``orchestrator ps``: the agents of a workspace."""

from __future__ import annotations

import json
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from orchestrator.model import Exited, Lost
from orchestrator.providers import default_providers
from orchestrator.supervision.activity import measure

from . import words, work
from .table import Column, Table, at_a_terminal, drawn, print_table
from .workspace import open_existing, unsettled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from orchestrator.config import Settings
    from orchestrator.model import AgentId, AgentRecord
    from orchestrator.model.activity import Activity
    from orchestrator.registry import Registry

#: Seconds between two looks of ``--watch``.
_REFRESH: Final = 1.0

#: Seconds between the two looks of ``--why``: what an agent uses now is seen in between.
_APART: Final = 0.5

#: The status of an agent that lives on record only, and the reason.
UNSETTLED: Final = "unsettled"
_UNSETTLED: Final = "its keeper has ended; the next start, or a stop, records how it ended"

#: Characters to which these columns may shrink on a narrow terminal.
_ENDED: Final = 20
_SURVIVORS: Final = 12


def show(settings: Settings, *, everyone: bool, as_json: bool, why: bool = False) -> None:
    """Print the agents of the workspace once.

    Args:
        settings: Name the workspace.
        everyone: Those that have ended, too.
        as_json: For a program to read.
        why: Look twice at each agent, half a second apart, and say in full what is seen.

    Raises:
        NotFoundError: There is no workspace.
        RegistryError: It cannot be read.
    """
    with open_existing(settings) as registry:
        records = registry.agents.find(live=None if everyone else True)
        if not records and not as_json:
            sys.stdout.write(nobody(registry, settings) + "\n")
            return

        activities = look(records, settings, listed=why or as_json)
        if why and activities:
            threading.Event().wait(_APART)
            activities = look(records, settings, listed=True, before=activities)

        if as_json:
            rows = [as_row(record, activities.get(record.id)) for record in records]
            sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        elif why:
            _explain(records, activities)
        else:
            print_table(as_table(records, activities))


def look(
    records: Sequence[AgentRecord],
    settings: Settings,
    *,
    listed: bool,
    before: Mapping[AgentId, Activity] | None = None,
) -> dict[AgentId, Activity]:
    """Look at those that are live.

    Args:
        records: The agents.
        settings: Name the agent CLIs.
        listed: With a list of their processes.
        before: What was seen before, to be put beside it.
    """
    providers = default_providers(settings)
    former = before or {}
    return {
        record.id: measure(record, providers, former.get(record.id), listed=listed)
        for record in records
        if record.live
    }


def _explain(records: Sequence[AgentRecord], activities: Mapping[AgentId, Activity]) -> None:
    for number, record in enumerate(records):
        if number:
            sys.stdout.write("\n")

        activity = activities.get(record.id)
        if activity is None:
            sys.stdout.write(f"{record.id}  {status_of(record)}  {words.ending(record)}\n")
            continue

        first, *rest = work.sentences(activity)
        sys.stdout.write(f"{record.id}  {status_of(record)}, {first}\n")
        for sentence in rest:
            sys.stdout.write(f"  {sentence}\n")

        if activity.processes:
            sys.stdout.flush()
            print_table(work.processes(activity))


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

        former: dict[AgentId, Activity] = {}

        def draw() -> RenderableType:
            nonlocal former
            records = registry.agents.find(live=None if everyone else True)
            former = look(records, settings, listed=False, before=former)
            now = f"{datetime.now().astimezone():%H:%M:%S}  {settings.workspace}  Ctrl-C ends"
            if not records:
                return nobody(registry, settings)

            return drawn(as_table(records, former), width=console.width, title=now)

        with Live(draw(), console=console, auto_refresh=False) as live:
            try:
                while not pause.wait(_REFRESH):
                    live.update(draw(), refresh=True)
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


def as_table(
    records: Sequence[AgentRecord], activities: Mapping[AgentId, Activity] | None = None
) -> Table:
    """Make the table of what is known and seen; columns in which there is nothing are left out."""
    seen = activities or {}
    rows = [as_row(record, seen.get(record.id)) for record in records]
    surviving = any(row["survivors"] for row in rows)
    columns = {
        Column(title="ID"): [row["id"] for row in rows],
        Column(title="STATUS", states=True): [row["status"] for row in rows],
        Column(title="PID", right=True): [str(row["pid"] or "-") for row in rows],
        Column(title="WORK", states=True, spare=1): [
            work.short(seen.get(record.id)) for record in records
        ],
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


def as_row(record: AgentRecord, activity: Activity | None = None) -> dict[str, Any]:
    """Return what ``--json`` prints of an agent; its launch token stays a secret."""
    state = record.state
    status = status_of(record)
    outcome = state.outcome if isinstance(state, Exited) else None
    result = outcome.result if outcome else None
    return {
        "id": record.id,
        "status": status,
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
        "processes": activity.process_count if activity else None,
        "rss_bytes": activity.rss_bytes if activity else None,
        "cpu_s": activity.cpu_s if activity else _cpu_of_ended(record),
        "activity": activity.model_dump(mode="json") if activity else None,
        "ended": _UNSETTLED if status == UNSETTLED else words.ending(record),
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
        return UNSETTLED

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


def can_watch() -> bool:
    """Whether there is a terminal that can be kept up to date."""
    return at_a_terminal()
