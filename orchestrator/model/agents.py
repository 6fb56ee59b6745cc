"""An agent: what was asked for, and what is known of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from .base import Noun
from .ids import AgentId, Cookie, OrchestratorId, TaskId
from .limits import Limits
from .policy import Seconds, StopPolicy
from .states import LIVE, AgentState, Frozen, Running, Stopping

PREVIEW_CHARS = 200


class AgentFiles(Noun):
    """The files of one agent; absolute paths, mode 0600, in folders of mode 0700.

    Attributes:
        prompt: Its standard input.
        stdout: Its standard output, appended by the agent itself.
        stderr: Its standard error, the same way.
        outcome: Written by its keeper when it has ended, before anyone is told.
    """

    prompt: Path
    stdout: Path
    stderr: Path
    outcome: Path

    @property
    def door(self) -> Path:
        """The socket on which the keeper of a durable agent waits for its next orchestrator."""
        return self.outcome.with_suffix(".sock")

    @property
    def address(self) -> Path:
        """A link to the socket of a durable agent's present orchestrator, for its relays."""
        return self.outcome.with_suffix(".address")

    @property
    def mcp_config(self) -> Path:
        """What the CLI of a durable agent is handed: its orchestrator's own file ends with it."""
        return self.outcome.with_suffix(".mcp.json")


class AgentSpec(Noun):
    """What is asked for when an agent is launched.

    Attributes:
        provider: Which kind of agent: ``command`` (any argv) or ``claude``.
        argv: For ``command`` the program and its arguments, at least one. For an agent CLI more
            arguments, added to the provider's own.
        prompt: What it reads on standard input.
        title: What stands for the prompt in lists; None for its beginning.
        agent_type: What it is called; any text. It becomes the first part of its id.
        cwd: Where it runs; None for the orchestrator's own working directory.
        env: Variables set on top of the orchestrator's own environment.
        parent: The agent that launches it, if one does. It must be known.
        task_id: The task it works on, if it does on one.
        stop: How it is stopped; None for its provider's way.
        limits: What it and its family may use, within what its parent and its orchestrator allow.
        durable: It lives on when its orchestrator ends, in whatever way, and the next one of the
            workspace adopts it. None for what the settings say, which is False unless set.
        orphan_limit: Seconds that a durable agent may be without an orchestrator before its
            keeper ends it; None for what the settings say, which is for ever unless set.
    """

    provider: str = "command"
    argv: tuple[str, ...] = ()
    prompt: str = ""
    title: str | None = None
    agent_type: str = "agent"
    cwd: Path | None = None
    env: dict[str, str] = Field(default_factory=dict[str, str])
    parent: AgentId | None = None
    task_id: TaskId | None = None
    stop: StopPolicy | None = None
    limits: Limits | None = None
    durable: bool | None = None
    orphan_limit: Seconds | None = None

    @model_validator(mode="after")
    def _no_nul(self) -> AgentSpec:
        if any("\0" in text for text in (*self.argv, *self.env, *self.env.values())):
            raise ValueError("argv and env cannot hold NUL characters; put them into the prompt")

        return self


class AgentRecord(Noun):
    """What is known of an agent, as the registry stores it.

    Attributes:
        id: Unique in its workspace.
        owner: The orchestrator that launched it, or has adopted it.
        depth: 1 for an agent without a parent agent, else the parent's depth and one.
        argv: What was started; never holds the prompt.
        prompt_preview: The first 200 characters of the prompt or its title, and three dots when
            that was longer.
        cookie: Its launch token, in the environment of everything that it starts.
        session_name: What the original server called its tmux session.
        limits: What it may use: its own limits within those of its parent and its orchestrator.
        durable: It outlives its orchestrator.
        orphan_limit: As in `AgentSpec`.
    """

    id: AgentId
    owner: OrchestratorId
    agent_type: str
    provider: str
    argv: tuple[str, ...]
    cwd: Path
    parent: AgentId | None
    task_id: TaskId | None
    depth: Annotated[int, Field(ge=1)]
    prompt_preview: str
    cookie: Cookie
    files: AgentFiles
    stop: StopPolicy
    created_at: datetime
    state: AgentState
    limits: Limits = Limits()
    durable: bool = False
    orphan_limit: Seconds | None = None

    @property
    def session_name(self) -> str:
        """``agent_<id>``."""
        return f"agent_{self.id}"

    @property
    def live(self) -> bool:
        """Whether there may still be a process of it."""
        return self.state.kind in LIVE

    @property
    def pid(self) -> int | None:
        """The leader's pid while it is known to have one."""
        match self.state:
            case Running(leader=leader) | Frozen(leader=leader) | Stopping(leader=leader):
                return leader.pid
            case _:
                return None


class OrchestratorRecord(Noun):
    """One run of an orchestrator.

    Attributes:
        pid: Its process id.
        start_ticks: As in `ProcessIdentity`.
        boot_id: As in `ProcessIdentity`.
        shutdown_reason: Why its shutdown began, when it has.
        shutdown_done_at: When the last outcome of its agents was in.
    """

    id: OrchestratorId
    pid: int
    start_ticks: int
    boot_id: str
    started_at: datetime
    shutdown_began_at: datetime | None = None
    shutdown_reason: str | None = None
    shutdown_done_at: datetime | None = None
