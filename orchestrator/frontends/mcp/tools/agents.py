"""The tools that act on agents: start, stop, freeze and thaw them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import Field

# pydantic reads these at run time
from orchestrator.frontends.mcp.arguments import LimitsGiven

from .base import AGENT_ID, LAUNCHES, STEERS, STOPS, TASK_ID, ToolCall

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.frontends.mcp.ports import TaskTools
    from orchestrator.tasks.caller import Caller


DURABLE: Final = (
    "true: it goes on when this server ends, in whatever way, and the next server of the workspace "
    "takes it over. false: it ends with this server. null: as the server is set."
)
LIMITS: Final = (
    "What it may use at most; at 80 % there is a warning, at the limit it is stopped. wall_clock "
    'and idle in seconds; memory and output in bytes or like "2G"; cost in US dollars, for it and '
    "all agents below it; max_agents and max_concurrent count the agents below it."
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
    durable: bool | None = Field(default=None, description=DURABLE)
    limits: LimitsGiven = Field(default=None, description=LIMITS)

    async def run(self, tasks: TaskTools, caller: Caller) -> Mapping[str, object]:
        """Start it."""
        return await tasks.deploy(
            caller,
            task_id=self.task_id,
            agent_type=self.agent_type,
            prompt=self.prompt,
            parent=self.parent,
            durable=self.durable,
            limits=self.limits,
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
    durable: bool | None = Field(default=None, description=DURABLE)
    limits: LimitsGiven = Field(default=None, description=LIMITS)

    async def run(self, tasks: TaskTools, caller: Caller) -> Mapping[str, object]:
        """Start it."""
        return await tasks.spawn_child(
            caller,
            task_id=self.task_id,
            parent_agent_id=self.parent_agent_id,
            child_agent_type=self.child_agent_type,
            child_prompt=self.child_prompt,
            durable=self.durable,
            limits=self.limits,
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
    family: bool = Field(
        default=False, description="Stop every agent below it too; nothing new starts among them."
    )

    async def run(self, tasks: TaskTools, caller: Caller) -> Mapping[str, object]:
        """Stop it."""
        return await tasks.kill(
            caller,
            task_id=self.task_id,
            agent_id=self.agent_id,
            reason=self.reason,
            family=self.family,
        )


class Freeze(ToolCall):
    """Arguments of ``freeze_agent``."""

    tool = "freeze_agent"
    about = (
        "Let an agent and every process that it started stand still, to look at its work or to "
        "free the processor. It goes on with thaw_agent; kill_real_agent stops it as ever."
    )
    hints = STEERS

    task_id: str = Field(description=TASK_ID)
    agent_id: str = Field(description=AGENT_ID)

    async def run(self, tasks: TaskTools, caller: Caller) -> Mapping[str, object]:
        """Freeze it."""
        return await tasks.freeze(caller, task_id=self.task_id, agent_id=self.agent_id)


class Thaw(ToolCall):
    """Arguments of ``thaw_agent``."""

    tool = "thaw_agent"
    about = "Let a frozen agent go on where it stood still."
    hints = STEERS

    task_id: str = Field(description=TASK_ID)
    agent_id: str = Field(description=AGENT_ID)

    async def run(self, tasks: TaskTools, caller: Caller) -> Mapping[str, object]:
        """Thaw it."""
        return await tasks.thaw(caller, task_id=self.task_id, agent_id=self.agent_id)
