"""A task, and what agents report about their work on it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from .agents import Limits
from .base import Noun
from .ids import AgentId, TaskId


class TaskRecord(Noun):
    """What is known of a task.

    Attributes:
        workspace_base: The folder that holds the task's folder.
        client_cwd: The project directory that the client named, if it did.
        context: Accepted extra context, by the names of the tool's parameters.
    """

    id: TaskId
    description: str
    priority: str
    status: str = "INITIALIZED"
    created_at: datetime
    workspace_base: Path
    client_cwd: Path | None
    limits: Limits
    context: dict[str, Any] = Field(default_factory=dict[str, Any])

    @property
    def workspace(self) -> Path:
        """The task's own folder."""
        return self.workspace_base / self.id


class ProgressEntry(Noun):
    """One report of progress, as the agent gave it."""

    at: datetime
    task_id: TaskId
    agent_id: AgentId
    status: str
    message: str
    progress: int


class FindingEntry(Noun):
    """One reported finding, as the agent gave it."""

    at: datetime
    task_id: TaskId
    agent_id: AgentId
    finding_type: str
    severity: str
    message: str
    data: dict[str, Any] = Field(default_factory=dict[str, Any])
