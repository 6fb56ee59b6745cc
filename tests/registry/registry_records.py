"""Records to put into a registry."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

from orchestrator.model import (
    AgentFiles,
    AgentId,
    AgentRecord,
    AgentState,
    Cookie,
    Exit,
    Exited,
    ExitedWithCode,
    FindingEntry,
    KilledBySignal,
    Limits,
    Lost,
    OrchestratorId,
    OrchestratorRecord,
    Outcome,
    ProcessIdentity,
    ProcessNote,
    ProgressEntry,
    Running,
    Starting,
    Stopping,
    StopPolicy,
    StopReceipt,
    TaskId,
    TaskRecord,
    Usage,
    Verdict,
    new_cookie,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
TASK = TaskId("TASK-20260301-120000-00000001")
OWNER = OrchestratorId("orc-000000000001")
LEADER = ProcessIdentity(pid=4001, start_ticks=77, boot_id="boot")
KEEPER = ProcessIdentity(pid=4000, start_ticks=76, boot_id="boot")
SURVIVOR = ProcessNote(pid=4007, name="stubborn", session=4007)

STARTING = Starting(since=NOW)
RUNNING = Running(since=NOW, leader=LEADER, keeper=KEEPER)
LOST = Lost(at=NOW, reason="the machine or its container was restarted")


def later(seconds: float) -> datetime:
    """A moment after NOW."""
    return NOW + timedelta(seconds=seconds)


def stopping(*, end: Exit | None = None, requested: bool = True) -> Stopping:
    """The state of an agent that is being taken down."""
    return Stopping(
        since=later(5),
        reason="asked to",
        leader=LEADER,
        keeper=KEEPER,
        exit=end,
        requested=requested,
    )


def exited(verdict: Verdict = "completed", *, survivors: tuple[ProcessNote, ...] = ()) -> Exited:
    """The state of an agent whose end was seen."""
    receipt = StopReceipt(
        reason="asked to", began_at=later(5), duration_ms=12.5, survivors=survivors
    )
    end: Exit = KilledBySignal(signal=15) if verdict == "terminated" else ExitedWithCode(code=0)
    return Exited(
        at=later(7),
        outcome=Outcome(
            verdict=verdict,
            exit=ExitedWithCode(code=3) if verdict == "failed" else end,
            exited_at=later(6),
            ended_at=later(7),
            usage=Usage(user_s=0.5, system_s=0.25, max_rss_bytes=1 << 20),
            receipt=receipt if verdict == "terminated" else None,
        ),
    )


_numbers = itertools.count(1)


def agent(
    name: str | None = None,
    *,
    parent: str | None = None,
    depth: int = 1,
    task_id: TaskId | None = TASK,
    owner: OrchestratorId = OWNER,
    state: AgentState = STARTING,
    cookie: str | None = None,
) -> AgentRecord:
    """An agent with a name of its own unless one is given."""
    chosen = AgentId(name or f"worker-120000-{next(_numbers):06x}")
    folder = Path("/workspace") / "agents" / chosen
    return AgentRecord(
        id=chosen,
        owner=owner,
        agent_type="worker",
        provider="command",
        argv=("sleep", "600"),
        cwd=Path("/project"),
        parent=None if parent is None else AgentId(parent),
        task_id=task_id,
        depth=depth,
        prompt_preview="Look into it",
        cookie=new_cookie() if cookie is None else Cookie(cookie),
        files=AgentFiles(
            prompt=folder / "prompt",
            stdout=folder / "out",
            stderr=folder / "err",
            outcome=folder / "outcome",
        ),
        stop=StopPolicy(),
        created_at=NOW,
        state=state,
    )


def task(
    base: Path, name: TaskId = TASK, *, context: dict[str, object] | None = None
) -> TaskRecord:
    """A task in a folder of ``base``."""
    return TaskRecord(
        id=name,
        description="Check the wiring",
        priority="P2",
        created_at=NOW,
        workspace_base=base,
        client_cwd=None,
        limits=Limits(max_agents=45, max_concurrent=20, max_depth=5),
        context=context or {},
    )


def run(name: OrchestratorId = OWNER) -> OrchestratorRecord:
    """A run of an orchestrator."""
    return OrchestratorRecord(id=name, pid=3999, start_ticks=70, boot_id="boot", started_at=NOW)


def progress(
    agent_id: str,
    status: str = "working",
    percent: int = 10,
    *,
    at: datetime = NOW,
    task_id: TaskId = TASK,
) -> ProgressEntry:
    """A report of progress."""
    return ProgressEntry(
        at=at,
        task_id=task_id,
        agent_id=AgentId(agent_id),
        status=status,
        message="reading",
        progress=percent,
    )


def finding(agent_id: str, message: str = "loose wire", **data: object) -> FindingEntry:
    """A finding."""
    return FindingEntry(
        at=NOW,
        task_id=TASK,
        agent_id=AgentId(agent_id),
        finding_type="issue",
        severity="high",
        message=message,
        data=data,
    )
