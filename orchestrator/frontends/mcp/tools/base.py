"""One call of a tool: its name, what models are told about it, and its arguments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

from mcp_types import ToolAnnotations

from orchestrator.frontends.mcp.arguments import Arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.frontends.mcp.ports import TaskTools
    from orchestrator.tasks.caller import Caller

READS: Final = ToolAnnotations(read_only_hint=True, open_world_hint=False)
ADDS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)
LAUNCHES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)
STEERS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
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
