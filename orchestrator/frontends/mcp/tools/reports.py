"""The tools by which agents report: progress and findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

# pydantic reads these at run time
from orchestrator.frontends.mcp.arguments import Facts, Integer

from .base import ADDS, OWN_ID, TASK_ID, ToolCall

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.frontends.mcp.ports import TaskTools
    from orchestrator.tasks.caller import Caller


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
