"""How an agent's state is shown: in one word, and as the row that the original server wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from orchestrator.model import (
    ORCHESTRATOR,
    Exit,
    Exited,
    ExitedWithCode,
    KilledBySignal,
    Lost,
    Stopping,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from orchestrator.model import AgentRecord, ProgressEntry

#: The words that say that an agent's work is over.
TERMINAL: Final = frozenset({"completed", "terminated", "error", "failed"})


def shown_status(record: AgentRecord, latest: ProgressEntry | None) -> str:
    """Return the status of an agent, in the words of the original server.

    What is known of its end comes first; before that, what it last said of itself.

    Args:
        record: The agent.
        latest: Its last report of progress, if it made one.
    """
    match record.state:
        case Exited(outcome=outcome):
            return outcome.verdict
        case Lost():
            return "failed"
        case Stopping(requested=True):
            return "running"
        case Stopping(exit=ExitedWithCode(code=0)):
            return "completed"
        case Stopping(exit=exit_) if exit_ is not None:
            return "failed"
        case _:
            return "running" if latest is None else latest.status


def is_active(record: AgentRecord, latest: ProgressEntry | None) -> bool:
    """Whether the agent counts as active: it lives, and has not said that it is done."""
    return record.live and shown_status(record, latest) not in TERMINAL


def local_iso(moment: datetime) -> str:
    """Return the local time in ISO format without a zone, as the original server wrote it."""
    return moment.astimezone().replace(tzinfo=None).isoformat()


def hierarchy(records: Iterable[AgentRecord]) -> dict[str, list[str]]:
    """Return the ids of the agents by the id of their parent, ``orchestrator`` always included."""
    children: dict[str, list[str]] = {ORCHESTRATOR: []}
    for record in records:
        children.setdefault(record.parent or ORCHESTRATOR, []).append(record.id)

    return children


def agent_row(record: AgentRecord, latest: ProgressEntry | None) -> dict[str, Any]:
    """Return an agent as a row of ``AGENT_REGISTRY.json``.

    The keys are the original server's; ``provider``, ``pid``, ``exit_code``, ``exit_signal``,
    ``survivors`` and ``lost_reason`` are added, each where it is known.
    """
    moments = _moments(record, latest)
    known = [record.created_at, *moments.values(), *([latest.at] if latest else [])]
    row: dict[str, Any] = {
        "id": record.id,
        "type": record.agent_type,
        "tmux_session": record.session_name,
        "parent": record.parent or ORCHESTRATOR,
        "depth": record.depth,
        "status": shown_status(record, latest),
        "started_at": local_iso(record.created_at),
        "progress": latest.progress if latest else 0,
        "last_update": local_iso(max(known)),
        "prompt": record.prompt_preview,
        "provider": record.provider,
    }
    if record.pid is not None:
        row["pid"] = record.pid

    row |= {key: local_iso(moment) for key, moment in moments.items()}
    return row | _facts_of_end(record)


def _moments(record: AgentRecord, latest: ProgressEntry | None) -> dict[str, datetime]:
    """When it ended, under the key that says in which way."""
    match record.state:
        case Exited(outcome=outcome) if outcome.verdict == "terminated":
            return {"terminated_at": outcome.ended_at}
        case Exited(outcome=outcome):
            return {"completed_at": outcome.exited_at}
        case Lost(at=at):
            return {"completed_at": at}
        case Stopping(since=since, requested=False, exit=exit_) if exit_ is not None:
            return {"completed_at": since}
        case _ if latest is not None and shown_status(record, latest) in TERMINAL:
            return {"completed_at": latest.at}
        case _:
            return {}


def _facts_of_end(record: AgentRecord) -> dict[str, Any]:
    match record.state:
        case Exited(outcome=outcome):
            facts = _facts_of_exit(outcome.exit)
            receipt = outcome.receipt
            if outcome.verdict == "terminated" and receipt is not None:
                facts["termination_reason"] = receipt.reason

            survivors = receipt.survivors if receipt is not None else ()
            facts["survivors"] = [note.model_dump() for note in survivors]
            return facts
        case Stopping(exit=exit_) if exit_ is not None:
            return _facts_of_exit(exit_)
        case Lost(reason=reason):
            return {"lost_reason": reason}
        case _:
            return {}


def _facts_of_exit(end: Exit) -> dict[str, Any]:
    match end:
        case ExitedWithCode(code=code):
            return {"exit_code": code}
        case KilledBySignal():
            return {"exit_signal": str(end)}
