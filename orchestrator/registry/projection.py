"""The files that the original server wrote for others to read, built from the records."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import to_json, to_jsonable_python

from .atomic import append_line, write_atomically
from .registry import FOLDER
from .status import TERMINAL, agent_row, hierarchy, is_active, local_iso, shown_status

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

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


class _Global(BaseModel):
    """What is read again of ``GLOBAL_REGISTRY.json``."""

    model_config = ConfigDict(extra="allow")

    tasks: dict[str, Any]
    agents: dict[str, Any]
    active_tasks: int = 0


AGENT_REGISTRY: Final = "AGENT_REGISTRY.json"
GLOBAL_REGISTRY: Final = "GLOBAL_REGISTRY.json"

#: The statuses of a task that nobody works on any more.
_DONE: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED"})

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
        "active_tasks": sum(each.status not in _DONE for each in tasks),
        "total_agents_spawned": len(of_tasks),
        "active_agents": sum(is_active(each, latest.get(each.id)) for each in of_tasks),
        "max_concurrent_agents": limits.max_concurrent,
        "tasks": {each.id: _task_summary(each) for each in tasks},
        "agents": {each.id: _agent_summary(each, latest.get(each.id)) for each in of_tasks},
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
        write_atomically(task.workspace / AGENT_REGISTRY, _document_text(document))


def write_global(
    registry: Registry,
    base: Path,
    *,
    limits: Limits,
    changed: Collection[TaskId] | None = None,
) -> None:
    """Write the ``GLOBAL_REGISTRY.json`` of a base: its tasks and their agents.

    What the file holds beside them, of the original server or of another workspace with tasks in
    this base, stays in it.

    Args:
        registry: Where they are recorded.
        base: The folder that holds the folders of the tasks.
        limits: Those of the settings.
        changed: The tasks that are not in the file as they are now: the entries of others are
            taken from it, which takes a tenth of the time. None for all of them.

    Raises:
        OSError: The file cannot be written.
    """
    path = base / FOLDER / GLOBAL_REGISTRY
    with registry.exclusive():
        before = None if changed is None else _read_again(path)
        if before is None or changed is None:
            tasks = [each for each in registry.tasks.all() if each.workspace_base == base]
            document = _with_others(_global_document(registry, tasks, limits=limits), path)
        else:
            tasks = [
                each for each in map(registry.tasks.get, changed) if each.workspace_base == base
            ]
            document = _brought_up_to_date(before, registry, tasks, base)

        write_atomically(path, _document_text(document))


def _brought_up_to_date(
    before: _Global, registry: Registry, changed: Sequence[TaskRecord], base: Path
) -> dict[str, Any]:
    """Return the document of the file with the tasks that have changed since, and their agents."""
    tasks, agents = dict(before.tasks), dict(before.agents)
    for task in changed:
        latest = registry.reports.latest_progress(task.id)
        tasks[task.id] = _task_summary(task)
        for each in registry.agents.find(task_id=task.id):
            agents[each.id] = _agent_summary(each, latest.get(each.id))

    news = [each for each in changed if each.id not in before.tasks and each.status not in _DONE]
    return before.model_dump() | {
        "total_tasks": len(tasks),
        "active_tasks": before.active_tasks + len(news),
        "total_agents_spawned": len(agents),
        "active_agents": _count_active(registry, base),
        "tasks": tasks,
        "agents": agents,
    }


def _count_active(registry: Registry, base: Path) -> int:
    by_task: dict[TaskId, list[AgentRecord]] = {}
    for each in registry.agents.find(live=True):
        if each.task_id is not None:
            by_task.setdefault(each.task_id, []).append(each)

    count = 0
    for task_id, live in by_task.items():
        if registry.tasks.get(task_id).workspace_base == base:
            latest = registry.reports.latest_progress(task_id)
            count += sum(is_active(each, latest.get(each.id)) for each in live)

    return count


def _read_again(path: Path) -> _Global | None:
    try:
        return _Global.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _with_others(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the document with the entries of the file that it does not have itself."""
    before = _read_again(path)
    if before is None:
        return document

    tasks = {key: task for key, task in before.tasks.items() if key not in document["tasks"]}
    agents = {key: one for key, one in before.agents.items() if key not in document["agents"]}
    return document | {
        "tasks": tasks | document["tasks"],
        "agents": agents | document["agents"],
        "total_tasks": document["total_tasks"] + len(tasks),
        "total_agents_spawned": document["total_agents_spawned"] + len(agents),
    }


def _global_document(
    registry: Registry, tasks: Sequence[TaskRecord], *, limits: Limits
) -> dict[str, Any]:
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
    return _global_document(registry, registry.tasks.all(), limits=limits)


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


def _document_text(document: dict[str, Any]) -> str:
    try:
        return to_json(document, indent=2, inf_nan_mode="null").decode()
    except ValueError:
        # text that is no UTF-8; this way is ten times slower and escapes it
        return json.dumps(to_jsonable_python(document, inf_nan_mode="null"), indent=2)


def _line_text(line: dict[str, Any]) -> str:
    # in ASCII: a reader may take U+2028 for the end of a line
    return json.dumps(to_jsonable_python(line, inf_nan_mode="null"))


def _task_summary(task: TaskRecord) -> dict[str, Any]:
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


def _agent_summary(record: AgentRecord, latest: ProgressEntry | None) -> dict[str, Any]:
    row = agent_row(record, latest)
    return {"task_id": record.task_id} | {key: row[key] for key in _GLOBAL_KEYS if key in row}
