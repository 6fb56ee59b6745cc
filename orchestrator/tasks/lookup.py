"""From the ids that a call names to what they stand for, if the caller may use it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from orchestrator.errors import NotFoundError, NotPermittedError, RegistryError
from orchestrator.model import AgentId, TaskId, parse_id

from .permission import check_acts_on, check_speaks_as

if TYPE_CHECKING:
    from orchestrator.model import AgentRecord, ProgressEntry, TaskRecord
    from orchestrator.supervision import Supervisor

    from .caller import Caller

logger = logging.getLogger(__name__)


class Lookup:
    """Finds tasks and agents."""

    def __init__(self, supervisor: Supervisor) -> None:
        """Look in the supervisor's registry."""
        self._supervisor = supervisor
        self._registry = supervisor.registry

    def task(self, task_id: str) -> TaskRecord:
        """Return a task.

        Raises:
            InvalidInputError, NotFoundError: There is none of this id.
        """
        return self._registry.tasks.get(TaskId(parse_id(task_id, "task_id")))

    def agent(self, task: TaskRecord, agent_id: AgentId) -> AgentRecord:
        """Return an agent of a task.

        Raises:
            NotFoundError: There is none of this id.
        """
        record = self._registry.agents.get(agent_id)
        if record.task_id != task.id:
            raise NotFoundError(f"Agent {agent_id} not found", agent_id=agent_id)

        return record

    def subject(self, caller: Caller, task_id: str, agent_id: str) -> AgentRecord:
        """Return the agent that a caller acts on: one of this run even if nothing can be read.

        Raises:
            InvalidInputError, NotFoundError, NotPermittedError: There is none, or not for it.
        """
        wanted = AgentId(parse_id(agent_id, "agent_id"))
        task = TaskId(parse_id(task_id, "task_id"))
        record = self._known(wanted)
        if record is None or record.task_id != task:
            self.task(task_id)  # which may not be there either
            raise NotFoundError(f"Agent {wanted} not found", agent_id=wanted)

        check_acts_on(caller, record.id, self._registry)
        return record

    def _known(self, agent_id: AgentId) -> AgentRecord | None:
        try:
            return self._supervisor.look_up(agent_id)
        except NotFoundError:
            return None

    def latest(self, record: AgentRecord) -> ProgressEntry | None:
        """Return its last report of progress; None without one, and when nothing can be read."""
        try:
            latest = self._registry.reports.latest_progress(TaskId(record.task_id or ""))
        except RegistryError as error:
            logger.warning("the reports of %s cannot be read: %s", record.id, error)
            return None

        return latest.get(record.id)

    def reporter(
        self, caller: Caller, task_id: str, agent_id: str
    ) -> tuple[TaskRecord, AgentRecord]:
        """Return the task and the agent that a caller reports for.

        Raises:
            InvalidInputError, NotFoundError, NotPermittedError: It cannot, or not any more.
        """
        task = self.task(task_id)
        wanted = AgentId(parse_id(agent_id, "agent_id"))
        check_speaks_as(caller, wanted)
        record = self.agent(task, wanted)
        if not record.live:
            raise NotPermittedError(
                f"Agent {record.id} has ended and takes no more reports; its outcome stands",
                agent_id=record.id,
            )

        return task, record
