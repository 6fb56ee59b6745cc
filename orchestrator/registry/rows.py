"""The rows of the tables, in the order of their columns; ``sequence`` is left to sqlite."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from orchestrator.model import AgentRecord, OrchestratorRecord


class RunRow(NamedTuple):
    """A run of an orchestrator."""

    id: str
    open: int
    record: str

    @classmethod
    def of(cls, run: OrchestratorRecord, text: str) -> RunRow:
        """Make the row of a run and its JSON."""
        return cls(run.id, run.shutdown_done_at is None, text)


class TaskRow(NamedTuple):
    """A task."""

    id: str
    record: str


class AgentRow(NamedTuple):
    """An agent."""

    id: str
    owner: str
    task_id: str | None
    parent: str | None
    cookie: str
    state: str
    live: int
    record: str
    gate: int

    @classmethod
    def of(cls, agent: AgentRecord, text: str, *, gate: bool = False) -> AgentRow:
        """Make the row of an agent and its JSON."""
        return cls(
            agent.id,
            agent.owner,
            agent.task_id,
            agent.parent,
            agent.cookie,
            agent.state.kind,
            agent.live,
            text,
            gate,
        )


class ReportRow(NamedTuple):
    """A report of progress, or a finding."""

    task_id: str
    agent_id: str
    record: str
