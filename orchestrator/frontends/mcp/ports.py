"""What the MCP front end needs from the house behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from orchestrator.config import Settings
    from orchestrator.model import AgentId, Limits
    from orchestrator.tasks.caller import Caller


class TaskTools(Protocol):
    """The tasks, as `orchestrator.tasks.service.TaskService` offers them.

    Every method answers with a JSON object, and raises an `OrchestratorError` for whatever the
    caller can put right.
    """

    async def create_task(
        self,
        *,
        description: str,
        priority: str = "P2",
        client_cwd: str | None = None,
        background_context: str | None = None,
        expected_deliverables: list[str] | None = None,
        success_criteria: list[str] | None = None,
        constraints: list[str] | None = None,
        relevant_files: list[str] | None = None,
        conversation_history: list[dict[str, Any]] | None = None,
    ) -> Mapping[str, object]:
        """Make a task and its folder."""
        ...

    async def deploy(
        self,
        caller: Caller,
        *,
        task_id: str,
        agent_type: str,
        prompt: str,
        parent: str = "orchestrator",
        durable: bool | None = None,
        limits: Limits | None = None,
    ) -> Mapping[str, object]:
        """Start an agent."""
        ...

    async def status(self, *, task_id: str) -> Mapping[str, object]:
        """Tell how a task stands."""
        ...

    async def output(
        self,
        *,
        task_id: str,
        agent_id: str,
        tail: int | None,
        filter: str | None,  # noqa: A002  the name of the tool's parameter
        format: str,  # noqa: A002  the name of the tool's parameter
        include_metadata: bool,
        max_bytes: int | None,
        aggressive_truncate: bool,
        response_format: str,
    ) -> Mapping[str, object]:
        """Read what an agent printed."""
        ...

    async def kill(
        self,
        caller: Caller,
        *,
        task_id: str,
        agent_id: str,
        reason: str = "Manual termination",
        family: bool = False,
    ) -> Mapping[str, object]:
        """Stop an agent and all that it started."""
        ...

    async def freeze(self, caller: Caller, *, task_id: str, agent_id: str) -> Mapping[str, object]:
        """Let an agent and all that it started stand still."""
        ...

    async def thaw(self, caller: Caller, *, task_id: str, agent_id: str) -> Mapping[str, object]:
        """Let a frozen agent go on."""
        ...

    async def update_progress(
        self,
        caller: Caller,
        *,
        task_id: str,
        agent_id: str,
        status: str,
        message: str,
        progress: int = 0,
    ) -> Mapping[str, object]:
        """Take down an agent's report of its progress."""
        ...

    async def report_finding(
        self,
        caller: Caller,
        *,
        task_id: str,
        agent_id: str,
        finding_type: str,
        severity: str,
        message: str,
        data: dict[str, Any] | None = None,
    ) -> Mapping[str, object]:
        """Take down an agent's finding."""
        ...

    async def spawn_child(
        self,
        caller: Caller,
        *,
        task_id: str,
        parent_agent_id: str,
        child_agent_type: str,
        child_prompt: str,
        durable: bool | None = None,
        limits: Limits | None = None,
    ) -> Mapping[str, object]:
        """Start an agent under another one."""
        ...

    async def tasks_list(self) -> Mapping[str, object]:
        """List every task of the workspace."""
        ...

    async def timeline(self, *, task_id: str) -> Mapping[str, object]:
        """List progress and findings of a task, oldest first."""
        ...


class App(Protocol):
    """The whole house, open, as `orchestrator.app.App` is."""

    @property
    def tasks(self) -> TaskTools:
        """What the tools call."""
        ...

    def agent_for_cookie(self, cookie: str) -> AgentId | None:
        """The agent that was launched with this cookie; None for a stranger."""
        ...

    def begin_shutdown(self, reason: str) -> None:
        """Tell every keeper at once; said again, it changes nothing."""
        ...


if TYPE_CHECKING:
    #: `orchestrator.app.open_app`, its surroundings bound: leaving the block is the clean-up.
    OpenApp = Callable[[Settings], AbstractAsyncContextManager[App]]
    Identify = Callable[[str], AgentId | None]
