"""The tools about a task: make one, see how it stands, read what its agents printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

# pydantic reads these at run time
from orchestrator.frontends.mcp.arguments import Integer, Messages, StringOrLeftOut, Strings

from .base import ADDS, AGENT_ID, READS, TASK_ID, ToolCall

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.frontends.mcp.ports import TaskTools
    from orchestrator.tasks.caller import Caller


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
