"""Records as supervision makes them: agents on record, and the states of one life."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from orchestrator.model import (
    AgentFiles,
    AgentId,
    AgentRecord,
    Exited,
    ExitedWithCode,
    Limits,
    OrchestratorId,
    OrchestratorRecord,
    Outcome,
    ProcessIdentity,
    Running,
    Starting,
    Stopping,
    StopPolicy,
    StopReceipt,
    TaskId,
    TaskRecord,
    Usage,
    new_cookie,
)

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.model import AgentState

#: The changes of one life, in their order.
CHANGES: Final = ("add", "running", "stopping", "exited")

OWNER: Final = OrchestratorId("orc-000000000001")

_NOW: Final = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
_BOOT: Final = "00000000-0000-0000-0000-000000000000"
_LEADER: Final = ProcessIdentity(pid=4001, start_ticks=123_456, boot_id=_BOOT)
_KEEPER: Final = ProcessIdentity(pid=4000, start_ticks=123_455, boot_id=_BOOT)

STARTING: Final = Starting(since=_NOW)
RUNNING: Final = Running(since=_NOW, leader=_LEADER, keeper=_KEEPER)
STOPPING: Final = Stopping(since=_NOW, reason="it was asked to", leader=_LEADER, keeper=_KEEPER)
EXITED: Final = Exited(
    at=_NOW,
    outcome=Outcome(
        verdict="completed",
        exit=ExitedWithCode(code=0),
        exited_at=_NOW,
        ended_at=_NOW,
        usage=Usage(user_s=0.5, system_s=0.25, max_rss_bytes=1 << 20),
        receipt=StopReceipt(reason="it was asked to", began_at=_NOW, duration_ms=12.5),
    ),
)


def agent(
    number: int,
    workspace: Path,
    *,
    state: AgentState = STARTING,
    task_id: TaskId | None = None,
    owner: OrchestratorId = OWNER,
) -> AgentRecord:
    """Return an agent.

    Args:
        number: Its own in this workspace.
        workspace: Where its files would be.
        state: How it stands.
        task_id: What it works on.
        owner: Whose it is.
    """
    agent_id = AgentId(f"worker-120000-{number:06x}")
    folder = workspace / "agents" / agent_id
    return AgentRecord(
        id=agent_id,
        owner=owner,
        agent_type="worker",
        provider="command",
        argv=("sleep", "600"),
        cwd=workspace,
        parent=None,
        task_id=task_id,
        depth=1,
        prompt_preview="Look into it, and say what is to be done.",
        cookie=new_cookie(),
        files=AgentFiles(
            prompt=folder / "prompt",
            stdout=folder / "stdout",
            stderr=folder / "stderr",
            outcome=folder / "outcome.json",
        ),
        stop=StopPolicy(),
        created_at=_NOW,
        state=state,
    )


def orchestrator() -> OrchestratorRecord:
    """Return the run that owns the agents; it has ended."""
    return OrchestratorRecord(
        id=OWNER,
        pid=3999,
        start_ticks=123_400,
        boot_id=_BOOT,
        started_at=_NOW,
        shutdown_began_at=_NOW,
        shutdown_reason="end of input",
        shutdown_done_at=_NOW,
    )


def task(number: int, workspace: Path) -> TaskRecord:
    """Return a task with a number of its own in this workspace."""
    return TaskRecord(
        id=TaskId(f"TASK-20260301-120000-{number:08x}"),
        description="Look into it, and say what is to be done.",
        priority="P2",
        created_at=_NOW,
        workspace_base=workspace,
        client_cwd=None,
        limits=Limits(),
    )
