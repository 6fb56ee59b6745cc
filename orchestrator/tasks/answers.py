"""The answers of the drop-in tools, with the keys that their clients know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from orchestrator.model import ORCHESTRATOR, Exited
from orchestrator.registry.status import (
    TERMINAL,
    hierarchy,
    local_iso,
    shown_status,
)

from .rows import receipt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.model import (
        AgentId,
        AgentRecord,
        FindingEntry,
        ProgressEntry,
        TaskRecord,
    )
    from orchestrator.model.activity import Activity
    from orchestrator.registry import Registry

    from .rows import AgentRows

_NEWEST_UPDATES: Final = 10
_NEWEST_FINDINGS: Final = 5
_PEER_FINDINGS: Final = 3

#: What is true of every deployment.
DEPLOYMENT_METHOD: Final = "own session under a keeper"


def counts(agents: Sequence[AgentRecord], statuses: Sequence[str]) -> dict[str, int]:
    """Count agents: all, those that work, those that are done; by them and how each is shown."""
    over = [status in TERMINAL for status in statuses]
    return {
        "total_spawned": len(agents),
        "active": sum(
            not is_over and each.live for each, is_over in zip(agents, over, strict=True)
        ),
        "completed": sum(over),
    }


def created(task: TaskRecord, warnings: Sequence[str]) -> dict[str, object]:
    """Answer ``create_real_task``."""
    answer: dict[str, object] = {
        "success": True,
        "task_id": task.id,
        "description": task.description,
        "priority": task.priority,
        "workspace": str(task.workspace),
        "status": task.status,
        "has_enhanced_context": bool(task.context),
    }
    if warnings:
        answer["validation_warnings"] = list(warnings)

    return answer | task.context


def deployed(record: AgentRecord, task: TaskRecord) -> dict[str, object]:
    """Answer ``deploy_headless_agent`` and ``spawn_child_agent``."""
    return {
        "success": True,
        "agent_id": record.id,
        "tmux_session": record.session_name,
        "type": record.agent_type,
        "parent": record.parent or ORCHESTRATOR,
        "task_id": task.id,
        "status": "deployed",
        "workspace": str(task.workspace),
        "deployment_method": DEPLOYMENT_METHOD,
        "pid": record.pid,
        "depth": record.depth,
        "durable": record.durable,
    }


def status(
    task: TaskRecord,
    registry: Registry,
    more: Mapping[AgentId, Mapping[str, Any]],
    activities: Mapping[AgentId, Activity],
    rows: AgentRows,
) -> dict[str, object]:
    """Answer ``get_real_task_status``.

    Args:
        task: The task.
        registry: Where its agents are recorded.
        more: What else belongs into the rows of agents, by their ids.
        activities: What its live agents are doing, by their ids.
        rows: Makes the rows of agents, or has made them before.
    """
    agents = registry.agents.find(task_id=task.id)
    latest = registry.reports.latest_progress(task.id)
    totals = registry.reports.counts(task.id)
    updates = registry.reports.progress(task.id, newest=_NEWEST_UPDATES)
    findings = registry.reports.findings(task.id, newest=_NEWEST_FINDINGS)
    shown = [rows.row(each, latest.get(each.id), activities.get(each.id)) for each in agents]
    return {
        "success": True,
        "task_id": task.id,
        "description": task.description,
        "status": task.status,
        "workspace": str(task.workspace),
        "agents": {
            **counts(agents, [row["status"] for row in shown]),
            "agents_list": [
                {**row, **more[each.id]} if each.id in more else row
                for each, row in zip(agents, shown, strict=True)
            ],
        },
        "hierarchy": hierarchy(agents),
        "enhanced_progress": {
            "recent_updates": [progress_entry(entry) for entry in reversed(updates)],
            "recent_findings": [finding_entry(entry) for entry in reversed(findings)],
            "total_progress_entries": totals.progress,
            "total_findings": totals.findings,
            # Reports for each ten agents' worth of work, as the original counted.
            "progress_frequency": totals.progress / max(1, 10 * len(agents)),
        },
        "spiral_status": {
            "enabled": True,
            "last_check": local_iso(task.created_at),
            "violations": 0,
        },
        "limits": task.limits.model_dump(),
    }


def killed(
    record: AgentRecord,
    latest: ProgressEntry | None,
    *,
    reason: str,
    was_live: bool,
    family: Sequence[AgentRecord] | None = None,
) -> dict[str, object]:
    """Answer ``kill_real_agent``; `family` holds those that were stopped with the agent."""
    answer: dict[str, object] = {
        "success": True,
        "agent_id": record.id,
        "tmux_session": record.session_name,
        "session_killed": was_live,
        "reason": reason,
        "status": shown_status(record, latest),
    }
    if isinstance(record.state, Exited):
        outcome = record.state.outcome
        answer["exit"] = str(outcome.exit)
        answer["receipt"] = receipt(outcome.receipt)

    if family is not None:
        answer["family"] = [{"agent_id": each.id, "state": each.state.kind} for each in family]

    return answer


def steered(record: AgentRecord) -> dict[str, object]:
    """Answer ``freeze_agent`` and ``thaw_agent``."""
    return {"success": True, "agent_id": record.id, "state": record.state.kind}


def coordination(task: TaskRecord, registry: Registry) -> dict[str, object]:
    """Return what a reporting agent gets to know of the others."""
    findings = registry.reports.findings(task.id, newest=_PEER_FINDINGS)
    agents = registry.agents.find(task_id=task.id)
    latest = registry.reports.latest_progress(task.id)
    return {
        "success": True,
        "task_id": task.id,
        "agent_counts": counts(
            agents, [shown_status(each, latest.get(each.id)) for each in agents]
        ),
        "recent_findings": [finding_entry(entry) for entry in reversed(findings)],
    }


def progress_entry(entry: ProgressEntry) -> dict[str, object]:
    """Return a report of progress as clients see it."""
    return {
        "timestamp": local_iso(entry.at),
        "agent_id": entry.agent_id,
        "status": entry.status,
        "message": entry.message,
        "progress": entry.progress,
    }


def finding_entry(entry: FindingEntry) -> dict[str, object]:
    """Return a finding as clients see it."""
    return {
        "timestamp": local_iso(entry.at),
        "agent_id": entry.agent_id,
        "finding_type": entry.finding_type,
        "severity": entry.severity,
        "message": entry.message,
        "data": entry.data,
    }


def timeline(task: TaskRecord, registry: Registry) -> dict[str, object]:
    """Answer the resource ``task://{task_id}/progress-timeline``."""
    progress = registry.reports.progress(task.id)
    findings = registry.reports.findings(task.id)
    dated = [
        *((entry.at, {**progress_entry(entry), "entry_type": "progress"}) for entry in progress),
        *((entry.at, {**finding_entry(entry), "entry_type": "finding"}) for entry in findings),
    ]
    entries = [entry for _, entry in sorted(dated, key=lambda pair: pair[0])]
    return {
        "task_id": task.id,
        "timeline": entries,
        "summary": {
            "total_progress_entries": len(progress),
            "total_findings": len(findings),
            "timeline_span": {
                "start": entries[0]["timestamp"] if entries else None,
                "end": entries[-1]["timestamp"] if entries else None,
            },
            "agents_active": len({entry.agent_id for entry in (*progress, *findings)}),
        },
    }
