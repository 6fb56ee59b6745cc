"""The eight tools: their names, what models are told about them, and what each one calls."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

from mcp_types import Tool, ToolAnnotations
from pydantic import Field

# pydantic reads these at run time
from .arguments import Arguments, Facts, Integer, Messages, StringOrLeftOut, Strings, schema_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.tasks.caller import Caller

    from .ports import TaskTools

READS: Final = ToolAnnotations(read_only_hint=True, open_world_hint=False)
ADDS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)
LAUNCHES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)
STOPS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)

TASK_ID: Final = "The task, as create_real_task returned it: TASK-<date>-<time>-<8 hex digits>."
AGENT_ID: Final = "The agent, as the call that started it returned it."
OWN_ID: Final = "The id of the agent that reports: your own, as your prompt gives it."


class ToolCall(Arguments, ABC):
    """One call of a tool, its arguments validated."""

    tool: ClassVar[str]
    about: ClassVar[str]
    hints: ClassVar[ToolAnnotations]

    @abstractmethod
    async def run(self, tasks: TaskTools, caller: Caller) -> Mapping[str, object]:
        """Do it, in the caller's name."""


class CreateTask(ToolCall):
    """Arguments of ``create_real_task``."""

    tool = "create_real_task"
    about = (
        "Create a task: a folder for the work of agents, and an id that every other tool asks "
        "for. Call it first, then deploy_headless_agent. The more context is given here, the "
        "better agents know what is wanted; list items that cannot be used are dropped and named "
        "in validation_warnings."
    )
    hints = ADDS

    description: str = Field(description="What is to be done, in one or a few sentences.")
    priority: str = Field(default="P2", description="P0 (most urgent) to P4; a label only.")
    client_cwd: StringOrLeftOut = Field(
        default=None,
        description=(
            "Absolute path of the project to work in: agents are started there. Left out: the "
            "directory that the server was started in."
        ),
    )
    background_context: str | None = Field(
        default=None, description="What agents should know before they begin."
    )
    expected_deliverables: Strings = Field(
        default=None, description="What has to exist in the end, one item each."
    )
    success_criteria: Strings = Field(
        default=None, description="How to tell that the work is good, one item each."
    )
    constraints: Strings = Field(
        default=None, description="What must not be done or changed, one item each."
    )
    relevant_files: Strings = Field(
        default=None, description="Paths of files worth reading first, one item each."
    )
    conversation_history: Messages = Field(
        default=None,
        description=(
            "The conversation that led to the task, oldest message first. role is user, assistant "
            "or orchestrator; long messages are cut."
        ),
    )

    async def run(self, tasks: TaskTools, caller: Caller) -> Mapping[str, object]:
        """Create it."""
        del caller
        return await tasks.create_task(
            description=self.description,
            priority=self.priority,
            client_cwd=self.client_cwd,
            background_context=self.background_context,
            expected_deliverables=self.expected_deliverables,
            success_criteria=self.success_criteria,
            constraints=self.constraints,
            relevant_files=self.relevant_files,
            conversation_history=self.conversation_history,
        )


class Deploy(ToolCall):
    """Arguments of ``deploy_headless_agent``."""

    tool = "deploy_headless_agent"
    about = (
        "Start an AI coding agent on a task, in the background, and return its agent_id at once. "
        "It runs on its own until it is done: watch it with get_real_task_status and "
        "get_agent_output, end it with kill_real_agent. Start several for work that can be done "
        "side by side; limits for each task apply."
    )
    hints = LAUNCHES

    task_id: str = Field(description=TASK_ID)
    agent_type: str = Field(
        description="A short name for its role, e.g. investigator, builder, tester."
    )
    prompt: str = Field(
        description="What this agent shall do. It knows nothing else but the task; any length."
    )
    parent: str = Field(
        default="orchestrator",
        description="The agent_id that it belongs under; leave out for one of your own.",
    )

    async def run(self, tasks: TaskTools, caller: Caller) -> Mapping[str, object]:
        """Start it."""
        return await tasks.deploy(
            caller,
            task_id=self.task_id,
            agent_type=self.agent_type,
            prompt=self.prompt,
            parent=self.parent,
        )


class Status(ToolCall):
    """Arguments of ``get_real_task_status``."""

    tool = "get_real_task_status"
    about = (
        "Tell how a task stands: every agent with its state and progress, who started whom, the "
        "newest reports of progress and findings, and the limits."
    )
    hints = READS

    task_id: str = Field(description=TASK_ID)

    async def run(self, tasks: TaskTools, caller: Caller) -> Mapping[str, object]:
        """Tell it."""
        del caller
        return await tasks.status(task_id=self.task_id)


class Output(ToolCall):
    """Arguments of ``get_agent_output``."""

    tool = "get_agent_output"
    about = (
        "Read what an agent printed: the event stream of its CLI, one JSON object a line, while "
        "it runs and after its end. It can be long: use tail and response_format 'compact', or "
        "'summary' for a digest."
    )
    hints = READS

    task_id: str = Field(description=TASK_ID)
    agent_id: str = Field(description=AGENT_ID)
    tail: Integer | None = Field(
        default=None, description="Only the last so many lines; null, 0 or less: all."
    )
    filter: str | None = Field(
        default=None, description="Only lines in which this Python regular expression is found."
    )
    format: str = Field(
        default="text",
        description="text and jsonl: the lines as one string; parsed: a list of objects.",
    )
    include_metadata: bool = Field(
        default=False, description="Add counts, sizes and times about the log."
    )
    max_bytes: Integer | None = Field(
        default=None,
        description=(
            "About how many characters to return: the first, the last and the telling lines stay, "
            "others are sampled. null, 0 or less: no limit."
        ),
    )
    aggressive_truncate: bool = Field(
        default=False, description="Cut lines at 1,024 characters, not at 8,192."
    )
    response_format: str = Field(
        default="full", description="full, compact (short lines), or summary (a digest)."
    )

    async def run(self, tasks: TaskTools, caller: Caller) -> Mapping[str, object]:
        """Read it."""
        del caller
        return await tasks.output(
            task_id=self.task_id,
            agent_id=self.agent_id,
            tail=self.tail,
            filter=self.filter,
            format=self.format,
            include_metadata=self.include_metadata,
            max_bytes=self.max_bytes,
            aggressive_truncate=self.aggressive_truncate,
            response_format=self.response_format,
        )


class Kill(ToolCall):
    """Arguments of ``kill_real_agent``."""

    tool = "kill_real_agent"
    about = (
        "Stop an agent together with every process that it started. It is asked first and killed "
        "after a grace. Its output stays readable. Stopping one that has ended is no error."
    )
    hints = STOPS

    task_id: str = Field(description=TASK_ID)
    agent_id: str = Field(description=AGENT_ID)
    reason: str = Field(default="Manual termination", description="Why, for the record.")

    async def run(self, tasks: TaskTools, caller: Caller) -> Mapping[str, object]:
        """Stop it."""
        return await tasks.kill(
            caller, task_id=self.task_id, agent_id=self.agent_id, reason=self.reason
        )


class UpdateProgress(ToolCall):
    """Arguments of ``update_agent_progress``."""

    tool = "update_agent_progress"
    about = (
        "For agents: report how far you are. Call it when you begin, at every step worth knowing, "
        "and at the end with status completed. The answer tells how many agents are at work and "
        "what the others found."
    )
    hints = ADDS

    task_id: str = Field(description=TASK_ID)
    agent_id: str = Field(description=OWN_ID)
    status: str = Field(description="working, blocked, completed or error.")
    message: str = Field(description="What you are doing, or have done, in a sentence or two.")
    progress: Integer = Field(default=0, description="Percent done, 0 to 100.")

    async def run(self, tasks: TaskTools, caller: Caller) -> Mapping[str, object]:
        """Report it."""
        return await tasks.update_progress(
            caller,
            task_id=self.task_id,
            agent_id=self.agent_id,
            status=self.status,
            message=self.message,
            progress=self.progress,
        )


class ReportFinding(ToolCall):
    """Arguments of ``report_agent_finding``."""

    tool = "report_agent_finding"
    about = (
        "For agents: share something that others should know, as soon as you know it. Other "
        "agents of the task and its owner see it at once."
    )
    hints = ADDS

    task_id: str = Field(description=TASK_ID)
    agent_id: str = Field(description=OWN_ID)
    finding_type: str = Field(description="issue, solution, insight or recommendation.")
    severity: str = Field(description="low, medium, high or critical.")
    message: str = Field(description="The finding itself.")
    data: Facts = Field(
        default=None, description='Evidence for machines, e.g. {"file": "a.py", "line": 3}.'
    )

    async def run(self, tasks: TaskTools, caller: Caller) -> Mapping[str, object]:
        """Report it."""
        return await tasks.report_finding(
            caller,
            task_id=self.task_id,
            agent_id=self.agent_id,
            finding_type=self.finding_type,
            severity=self.severity,
            message=self.message,
            data=self.data,
        )


class SpawnChild(ToolCall):
    """Arguments of ``spawn_child_agent``."""

    tool = "spawn_child_agent"
    about = (
        "For agents: start another agent under yourself for a part of your work. It runs on when "
        "you end; you may watch and stop it."
    )
    hints = LAUNCHES

    task_id: str = Field(description=TASK_ID)
    parent_agent_id: str = Field(description="The agent that it belongs under: your own id.")
    child_agent_type: str = Field(description="A short name for the child's role.")
    child_prompt: str = Field(description="What the child shall do; it knows nothing else.")

    async def run(self, tasks: TaskTools, caller: Caller) -> Mapping[str, object]:
        """Start it."""
        return await tasks.spawn_child(
            caller,
            task_id=self.task_id,
            parent_agent_id=self.parent_agent_id,
            child_agent_type=self.child_agent_type,
            child_prompt=self.child_prompt,
        )


TOOLS: Final[tuple[type[ToolCall], ...]] = (
    CreateTask,
    Deploy,
    Status,
    Output,
    Kill,
    UpdateProgress,
    ReportFinding,
    SpawnChild,
)


def list_tools() -> list[Tool]:
    """Describe the tools as `tools/list` shows them."""
    return [
        Tool(
            name=call.tool,
            description=call.about,
            input_schema=schema_of(call),
            annotations=call.hints,
        )
        for call in TOOLS
    ]
