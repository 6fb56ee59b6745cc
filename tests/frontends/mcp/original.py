"""The tools of the original server, as a client of it saw them: the contract of a drop-in."""

from __future__ import annotations

from typing import Final, NamedTuple

REQUIRED: Final = "<required>"


class Parameter(NamedTuple):
    """One parameter: its type in the original's words, and its default or `REQUIRED`."""

    name: str
    type: str
    default: object = REQUIRED


ORIGINAL_TOOLS: Final[dict[str, tuple[Parameter, ...]]] = {
    "create_real_task": (
        Parameter("description", "string"),
        Parameter("priority", "string", "P2"),
        Parameter("client_cwd", "string", None),
        Parameter("background_context", "string|null", None),
        Parameter("expected_deliverables", "array<string>|null", None),
        Parameter("success_criteria", "array<string>|null", None),
        Parameter("constraints", "array<string>|null", None),
        Parameter("relevant_files", "array<string>|null", None),
        Parameter("conversation_history", "array<object>|null", None),
    ),
    "deploy_headless_agent": (
        Parameter("task_id", "string"),
        Parameter("agent_type", "string"),
        Parameter("prompt", "string"),
        Parameter("parent", "string", "orchestrator"),
    ),
    "get_real_task_status": (Parameter("task_id", "string"),),
    "get_agent_output": (
        Parameter("task_id", "string"),
        Parameter("agent_id", "string"),
        Parameter("tail", "integer|null", None),
        Parameter("filter", "string|null", None),
        Parameter("format", "string", "text"),
        Parameter("include_metadata", "boolean", default=False),
        Parameter("max_bytes", "integer|null", None),
        Parameter("aggressive_truncate", "boolean", default=False),
        Parameter("response_format", "string", "full"),
    ),
    "kill_real_agent": (
        Parameter("task_id", "string"),
        Parameter("agent_id", "string"),
        Parameter("reason", "string", "Manual termination"),
    ),
    "update_agent_progress": (
        Parameter("task_id", "string"),
        Parameter("agent_id", "string"),
        Parameter("status", "string"),
        Parameter("message", "string"),
        Parameter("progress", "integer", 0),
    ),
    "report_agent_finding": (
        Parameter("task_id", "string"),
        Parameter("agent_id", "string"),
        Parameter("finding_type", "string"),
        Parameter("severity", "string"),
        Parameter("message", "string"),
        Parameter("data", "object", None),
    ),
    "spawn_child_agent": (
        Parameter("task_id", "string"),
        Parameter("parent_agent_id", "string"),
        Parameter("child_agent_type", "string"),
        Parameter("child_prompt", "string"),
    ),
}

#: Parameters that came after the original; every one of them may be left out.
ADDED_PARAMETERS: Final[dict[str, tuple[str, ...]]] = {
    "deploy_headless_agent": ("durable", "limits"),
    "spawn_child_agent": ("durable", "limits"),
    "kill_real_agent": ("family",),
}

#: Tools that came after the original.
ADDED_TOOLS: Final = ("freeze_agent", "thaw_agent")
