"""The files that the original server wrote for others to read, built from the records."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import to_json, to_jsonable_python

from .atomic import append_line, write_atomically
from .status import TERMINAL, agent_row, hierarchy, is_active, local_iso, shown_status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orchestrator.model import (
        AgentId,
        AgentRecord,
        FindingEntry,
        Limits,
        ProgressEntry,
        TaskId,
        TaskRecord,
    )

    from .registry import Registry

    #: The last report of each agent that made one.
    Latest = Mapping[AgentId, ProgressEntry]


AGENT_REGISTRY: Final = "AGENT_REGISTRY.json"

#: The statuses of a task that nobody works on any more.
DONE: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED"})

#: A task's context, by the key under which the number of its items is shown.
_COUNTED: Final = {
    "deliverables_count": "expected_deliverables",
    "success_criteria_count": "success_criteria",
}
#: What an agent's row in the global registry takes over from its row in its task's.
_GLOBAL_KEYS: Final = (
    "type",
    "parent",
    "started_at",
    "tmux_session",
    "status",
    "last_update",
    "completed_at",
    "terminated_at",
    "termination_reason",
)


def task_document(
    task: TaskRecord,
    agents: Sequence[AgentRecord],
    latest: Latest,
    more: Mapping[AgentId, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the content of a task's ``AGENT_REGISTRY.json``.

    Args:
        task: The task.
        agents: All agents of the task, in the order of their creation.
        latest: Their last reports.
        more: What else belongs into the rows of agents, by their ids.
    """
    statuses = [shown_status(each, latest.get(each.id)) for each in agents]
    created_at = local_iso(task.created_at)
    document: dict[str, Any] = {
        "task_id": task.id,
        "task_description": task.description,
        "created_at": created_at,
        "workspace": str(task.workspace),
        "workspace_base": str(task.workspace_base),
        "client_cwd": None if task.client_cwd is None else str(task.client_cwd),
        "status": task.status,
        "priority": task.priority,
        "agents": [
            {**agent_row(each, latest.get(each.id)), **more.get(each.id, {})} for each in agents
        ],
        "agent_hierarchy": hierarchy(agents),
        "max_agents": task.limits.max_agents,
        "max_depth": task.limits.max_depth,
        "max_concurrent": task.limits.max_concurrent,
        "total_spawned": len(agents),
        "active_count": sum(is_active(each, latest.get(each.id)) for each in agents),
        "completed_count": sum(status in TERMINAL for status in statuses),
        "orchestration_guidance": {
            "min_specialization_depth": 2,
            "recommended_child_agents_per_parent": 3,
            "specialization_domains": [],
            "complexity_score": 1,
        },
        "spiral_checks": {"enabled": True, "last_check": created_at, "violations": 0},
    }
    if task.context:
        document["task_context"] = task.context

    return document


def global_document(
    tasks: Sequence[TaskRecord],
    agents: Sequence[AgentRecord],
    latest: Latest,
    *,
    created_at: datetime,
    limits: Limits,
) -> dict[str, Any]:
    """Return the content of a workspace's ``GLOBAL_REGISTRY.json``.

    Args:
        tasks: The tasks, oldest first.
        agents: Their agents, in the order of their creation. One without a task is left out: to
            the readers of this file an agent is always somebody's.
        latest: Their last reports.
        created_at: When the workspace was first used.
        limits: Those of the settings.
    """
    of_tasks = [each for each in agents if each.task_id is not None]
    return {
        "created_at": local_iso(created_at),
        "total_tasks": len(tasks),
        "active_tasks": sum(each.status not in DONE for each in tasks),
        "total_agents_spawned": len(of_tasks),
        "active_agents": sum(is_active(each, latest.get(each.id)) for each in of_tasks),
        "max_concurrent_agents": limits.max_concurrent,
        "tasks": {each.id: task_summary(each) for each in tasks},
        "agents": {each.id: agent_summary(each, latest.get(each.id)) for each in of_tasks},
    }


def write_task(
    registry: Registry,
    task_id: TaskId,
    more: Callable[[TaskRecord], Mapping[AgentId, Mapping[str, Any]]] = lambda _: {},
) -> None:
    """Write a task's ``AGENT_REGISTRY.json``.

    Other writers wait meanwhile, so that of two processes the later one writes the later state.

    Args:
        registry: Where the task is recorded.
        task_id: Which task.
        more: Tells what else belongs into the rows of its agents.

    Raises:
        NotFoundError: There is no such task.
        OSError: The file cannot be written.
    """
    task = registry.tasks.get(task_id)
    with registry.exclusive():
        agents = registry.agents.find(task_id=task_id)
        latest = registry.reports.latest_progress(task_id)
        document = task_document(task, agents, latest, more(task))
        write_atomically(task.workspace / AGENT_REGISTRY, document_text(document))


def global_of(registry: Registry, tasks: Sequence[TaskRecord], *, limits: Limits) -> dict[str, Any]:
    """Return what ``GLOBAL_REGISTRY.json`` would hold if there were these tasks.

    Args:
        registry: Where they and their agents are recorded.
        tasks: The tasks, oldest first.
        limits: Those of the settings.
    """
    agents: list[AgentRecord] = []
    latest: dict[AgentId, ProgressEntry] = {}
    for task in tasks:
        agents += registry.agents.find(task_id=task.id)
        latest |= registry.reports.latest_progress(task.id)

    runs = registry.orchestrators.all()
    starts = [*(run.started_at for run in runs[:1]), *(each.created_at for each in tasks[:1])]
    created_at = min(starts, default=datetime.now(UTC))
    return global_document(tasks, agents, latest, created_at=created_at, limits=limits)


def read_global(registry: Registry, *, limits: Limits) -> dict[str, Any]:
    """Return what ``GLOBAL_REGISTRY.json`` would hold if it held the tasks of every base.

    Args:
        registry: Where they are recorded.
        limits: Those of the settings.
    """
    return global_of(registry, registry.tasks.all(), limits=limits)


def append_progress(task: TaskRecord, entry: ProgressEntry) -> None:
    """Append a report to the agent's file in the task's folder ``progress``.

    Raises:
        OSError: The file cannot be written.
    """
    line = {
        "timestamp": local_iso(entry.at),
        "agent_id": entry.agent_id,
        "status": entry.status,
        "message": entry.message,
        "progress": entry.progress,
    }
    path = task.workspace / "progress" / f"{entry.agent_id}_progress.jsonl"
    append_line(path, _line_text(line))


def append_finding(task: TaskRecord, entry: FindingEntry) -> None:
    """Append a finding to the agent's file in the task's folder ``findings``.

    Raises:
        OSError: The file cannot be written.
    """
    line = {
        "timestamp": local_iso(entry.at),
        "agent_id": entry.agent_id,
        "finding_type": entry.finding_type,
        "severity": entry.severity,
        "message": entry.message,
        "data": entry.data,
    }
    path = task.workspace / "findings" / f"{entry.agent_id}_findings.jsonl"
    append_line(path, _line_text(line))


def document_text(document: object) -> str:
    """Return a document, or a part of one, as JSON that people can read."""
    try:
        return to_json(document, indent=2, inf_nan_mode="null").decode()
    except ValueError:
        # text that is no UTF-8; this way is ten times slower and escapes it
        return json.dumps(to_jsonable_python(document, inf_nan_mode="null"), indent=2)


def _line_text(line: dict[str, Any]) -> str:
    # in ASCII: a reader may take U+2028 for the end of a line
    return json.dumps(to_jsonable_python(line, inf_nan_mode="null"))


def task_summary(task: TaskRecord) -> dict[str, Any]:
    """Return a task as it stands in ``GLOBAL_REGISTRY.json``."""
    summary: dict[str, Any] = {
        "description": task.description,
        "created_at": local_iso(task.created_at),
        "status": task.status,
        "has_enhanced_context": bool(task.context),
    }
    for key, name in _COUNTED.items():
        if task.context.get(name):
            summary[key] = len(task.context[name])

    return summary


def agent_summary(record: AgentRecord, latest: ProgressEntry | None) -> dict[str, Any]:
    """Return an agent as it stands in ``GLOBAL_REGISTRY.json``."""
    row = agent_row(record, latest)
    return {"task_id": record.task_id} | {key: row[key] for key in _GLOBAL_KEYS if key in row}
