"""What an agent is told: its work, who it is, and how to report back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.model import ORCHESTRATOR

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.model import AgentId, TaskRecord

_LISTS = {
    "expected_deliverables": "Expected deliverables",
    "success_criteria": "Success criteria",
    "constraints": "Constraints",
    "relevant_files": "Relevant files",
}


def brief(
    task: TaskRecord,
    *,
    agent_id: AgentId,
    agent_type: str,
    parent: AgentId | None,
    depth: int,
    project: Path,
    prompt: str,
) -> str:
    """Return the whole text that an agent reads on standard input."""
    start = (
        f"You are a headless {agent_type} agent. Nobody can answer questions: work on your own "
        "until the work is done, then stop."
    )
    identity = (
        "## Who you are\n"
        f"- agent_id: {agent_id}\n"
        f"- task_id: {task.id}\n"
        f"- parent: {parent or ORCHESTRATOR}\n"
        f"- depth: {depth} of {task.limits.max_depth}\n"
        f"- project directory: {project}\n"
        f"- task workspace: {task.workspace}"
    )
    sections = [
        start,
        "## Your work\n" + prompt,
        "## The task it belongs to\n" + task.description,
        *_context(task.context),
        identity,
        _reporting(task, agent_id),
    ]
    return "\n\n".join(sections) + "\n"


def _reporting(task: TaskRecord, agent_id: AgentId) -> str:
    me = f'task_id="{task.id}", agent_id="{agent_id}"'
    return (
        "## How to report\n"
        "The MCP server `claude-orchestrator` takes your reports; it may need a moment to "
        "connect.\n"
        f"- `mcp__claude-orchestrator__update_agent_progress({me}, status, message, progress)`: "
        "when you start, at each milestone, and at the end. status is one of working, blocked, "
        "completed, error; progress is a percentage.\n"
        f"- `mcp__claude-orchestrator__report_agent_finding({me}, finding_type, severity, "
        "message, data)`: whatever others should know. finding_type is one of issue, solution, "
        "insight, recommendation; severity one of low, medium, high, critical.\n"
        f'- `mcp__claude-orchestrator__spawn_child_agent(task_id="{task.id}", '
        f'parent_agent_id="{agent_id}", child_agent_type, child_prompt)`: hands a part of your '
        "work to a new agent, which goes on when you have ended.\n"
        "Report completed only for work that you have checked. When you end, every process that "
        "you have started is ended too."
    )


def _context(context: dict[str, Any]) -> list[str]:
    sections: list[str] = []
    if "background_context" in context:
        sections.append("## Background\n" + context["background_context"])

    for name, title in _LISTS.items():
        if name in context:
            sections.append(f"## {title}\n" + "\n".join(f"- {item}" for item in context[name]))

    if "conversation_history" in context:
        lines = [
            f"[{message['role']}] {message['content']}"
            for message in context["conversation_history"]["messages"]
        ]
        sections.append("## The conversation so far\n" + "\n".join(lines))

    return sections
