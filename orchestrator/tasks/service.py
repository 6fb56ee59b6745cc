"""The domain of the drop-in tools: tasks, the agents that work on them, and their reports."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from anyio import to_thread

from orchestrator.errors import (
    InvalidInputError,
    NotFoundError,
)
from orchestrator.model import (
    AgentId,
    AgentSpec,
    FindingEntry,
    ProgressEntry,
    TaskRecord,
    new_task_id,
    parse_id,
)
from orchestrator.registry import projection
from orchestrator.registry.atomic import write_atomically

from . import answers
from .briefing import brief
from .completion import CLAIM, read_validations, validate
from .context import ContextReader
from .deployment import deployment_record
from .lookup import Lookup
from .output import OutputQuery, check, read_output
from .permission import resolve_parent
from .places import agent_files, check_free_space, make_folders, resolve_project
from .rows import AgentRows

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from orchestrator.config import Settings
    from orchestrator.model import Limits
    from orchestrator.supervision import Supervisor

    from .caller import Caller
    from .projector import Projector

logger = logging.getLogger(__name__)

#: The agent CLI that the drop-in tools deploy.
_PROVIDER: Final = "claude"

_TEXT_MAX: Final = 10_000


class TaskService:
    """What clients and agents can ask for; each answer is a JSON object."""

    def __init__(self, settings: Settings, supervisor: Supervisor, projector: Projector) -> None:
        """Work on the supervisor's registry."""
        self._settings = settings
        self._supervisor = supervisor
        self._registry = supervisor.registry
        self._find = Lookup(supervisor)
        self._projector = projector
        self._rows = AgentRows()

    async def create_task(
        self,
        *,
        description: str,
        priority: str = "P2",
        client_cwd: str | None = None,
        background_context: str | None = None,
        expected_deliverables: Sequence[str] | None = None,
        success_criteria: Sequence[str] | None = None,
        constraints: Sequence[str] | None = None,
        relevant_files: Sequence[str] | None = None,
        conversation_history: Sequence[Mapping[str, Any]] | None = None,
    ) -> dict[str, object]:
        """Make a task and its folder.

        Raises:
            InvalidInputError: `client_cwd` is no directory, or its workspace cannot be made.
        """
        project = resolve_project(client_cwd, self._settings.project)
        context = ContextReader()
        context.text("background_context", background_context)
        context.texts("expected_deliverables", expected_deliverables)
        context.texts("success_criteria", success_criteria)
        context.texts("constraints", constraints)
        context.texts("relevant_files", relevant_files)
        context.history(conversation_history)
        task = TaskRecord(
            id=new_task_id(),
            description=description,
            priority=priority,
            created_at=datetime.now(UTC),
            workspace_base=self._settings.base_of(project),
            client_cwd=project,
            limits=self._settings.limits,
            context=context.accepted,
        )
        make_folders(task)
        self._registry.tasks.add(task)
        self._projector.task_created(task.id)
        return answers.created(task, context.warnings)

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
    ) -> dict[str, object]:
        """Launch an agent on a task; answers as soon as it runs.

        Raises:
            InvalidInputError, NotFoundError, NotPermittedError: The arguments are at fault.
            LimitReachedError, GateClosedError: One more would be too many, or too deep, or its
                family is being stopped.
            LaunchError: The system would not start it.
        """
        task = self._find.task(task_id)
        if len(agent_type) > _TEXT_MAX:
            raise InvalidInputError(
                f"agent_type holds {len(agent_type)} characters; {_TEXT_MAX} are the most"
            )

        parent_id = resolve_parent(caller, parent, self._registry)
        depth = self._find.agent(task, parent_id).depth + 1 if parent_id else 1
        check_free_space(task.workspace)
        agent_id = self._registry.agents.new_id(agent_type)
        project = task.client_cwd or self._settings.project
        text = brief(
            task,
            agent_id=agent_id,
            agent_type=agent_type,
            parent=parent_id,
            depth=depth,
            project=project,
            prompt=prompt,
        )
        spec = AgentSpec(
            provider=_PROVIDER,
            prompt=text,
            title=prompt,
            agent_type=agent_type,
            cwd=project,
            parent=parent_id,
            task_id=task.id,
            limits=task.limits.narrowed(limits),
            durable=durable,
        )
        agent = await self._supervisor.launch(
            spec, agent_id=agent_id, files=agent_files(task, agent_id), limits=task.limits
        )
        with _advisory(f"the note of the deployment of {agent_id}"):
            write_atomically(
                task.workspace / "logs" / f"deploy_{agent_id}.json", deployment_record(agent.record)
            )

        return answers.deployed(agent.record, task)

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
    ) -> dict[str, object]:
        """Launch an agent below another; raises as `deploy` does."""
        return await self.deploy(
            caller,
            task_id=task_id,
            agent_type=child_agent_type,
            prompt=child_prompt,
            parent=parent_agent_id,
            durable=durable,
            limits=limits,
        )

    async def status(self, *, task_id: str) -> dict[str, object]:
        """Say how a task and its agents stand.

        Raises:
            InvalidInputError, NotFoundError: There is no such task.
        """
        task = self._find.task(task_id)
        live = self._registry.agents.find(task_id=task.id, live=True)
        activities = await self._supervisor.observer.look(live)
        return answers.status(task, self._registry, read_validations(task), activities, self._rows)

    async def output(
        self,
        *,
        task_id: str,
        agent_id: str,
        tail: int | None = None,
        filter: str | None = None,  # noqa: A002  the tool's own name
        format: str = "text",  # noqa: A002  the tool's own name
        include_metadata: bool = False,
        max_bytes: int | None = None,
        aggressive_truncate: bool = False,
        response_format: str = "full",
    ) -> dict[str, object]:
        """Read what an agent wrote to its standard output.

        Raises:
            InvalidInputError, NotFoundError: The arguments are at fault.
        """
        task = self._find.task(task_id)
        try:
            record = self._find.agent(task, AgentId(parse_id(agent_id, "agent_id")))
            query = OutputQuery(
                tail=tail,
                filter=filter,
                format=format,
                include_metadata=include_metadata,
                max_bytes=max_bytes,
                aggressive_truncate=aggressive_truncate,
                response_format=response_format,
            )
            check(query)
            said = await to_thread.run_sync(
                read_output, record.files.stdout, query, abandon_on_cancel=True
            )
        except (InvalidInputError, NotFoundError) as error:
            error.details = {**error.details, "agent_id": agent_id}
            raise

        return {
            "success": True,
            "agent_id": record.id,
            "session_status": "running" if record.live else "terminated",
            **said,
            "tmux_session": record.session_name,
        }

    async def kill(
        self,
        caller: Caller,
        *,
        task_id: str,
        agent_id: str,
        reason: str = "Manual termination",
        family: bool = False,
    ) -> dict[str, object]:
        """Stop an agent and everything that it started; answers when all of it is gone.

        Args:
            caller: Who asks.
            task_id: The agent's task.
            agent_id: Which agent.
            reason: Why, for the record.
            family: Every agent below it as well.

        Raises:
            InvalidInputError, NotFoundError, NotPermittedError: The arguments are at fault.
        """
        record = self._find.subject(caller, task_id, agent_id)
        was_live, members = record.live, None
        if family:
            members = await self._supervisor.stop_family(record.id, reason=reason)
            record = self._supervisor.look_up(record.id)
        elif was_live:
            record = await self._supervisor.stop(record.id, reason=reason)

        return answers.killed(
            record, self._find.latest(record), reason=reason, was_live=was_live, family=members
        )

    async def freeze(self, caller: Caller, *, task_id: str, agent_id: str) -> dict[str, object]:
        """Let an agent and everything that it started stand still.

        Raises:
            InvalidInputError, NotFoundError, NotPermittedError: The arguments are at fault.
            AgentStateError: It is being stopped, or has ended.
        """
        record = self._find.subject(caller, task_id, agent_id)
        return answers.steered(await self._supervisor.freeze(record.id))

    async def thaw(self, caller: Caller, *, task_id: str, agent_id: str) -> dict[str, object]:
        """Let a frozen agent go on; raises as `freeze` does."""
        record = self._find.subject(caller, task_id, agent_id)
        return answers.steered(await self._supervisor.thaw(record.id))

    async def update_progress(
        self,
        caller: Caller,
        *,
        task_id: str,
        agent_id: str,
        status: str,
        message: str,
        progress: int = 0,
    ) -> dict[str, object]:
        """Take an agent's report of progress.

        Raises:
            InvalidInputError, NotFoundError, NotPermittedError: The arguments are at fault, or
                the agent has ended.
        """
        task, record = self._find.reporter(caller, task_id, agent_id)
        entry = ProgressEntry(
            at=datetime.now(UTC),
            task_id=task.id,
            agent_id=record.id,
            status=status,
            message=message,
            progress=progress,
        )
        self._registry.reports.add_progress(entry)
        with _advisory(f"the report of {record.id}"):
            projection.append_progress(task, entry)

        if status == CLAIM:
            await validate(task, record, entry, self._registry)

        self._projector.task_changed(task.id)
        return {
            "success": True,
            "own_update": answers.progress_entry(entry),
            "coordination_info": answers.coordination(task, self._registry),
        }

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
    ) -> dict[str, object]:
        """Take an agent's finding; raises as `update_progress` does."""
        task, record = self._find.reporter(caller, task_id, agent_id)
        entry = FindingEntry(
            at=datetime.now(UTC),
            task_id=task.id,
            agent_id=record.id,
            finding_type=finding_type,
            severity=severity,
            message=message,
            data=data or {},
        )
        self._registry.reports.add_finding(entry)
        with _advisory(f"the finding of {record.id}"):
            projection.append_finding(task, entry)

        self._projector.task_changed(task.id)
        return {
            "success": True,
            "own_finding": answers.finding_entry(entry),
            "coordination_info": answers.coordination(task, self._registry),
        }

    async def tasks_list(self) -> dict[str, object]:
        """Return the document that ``GLOBAL_REGISTRY.json`` holds, with every task there is."""
        return projection.read_global(self._registry, limits=self._settings.limits)

    async def timeline(self, *, task_id: str) -> dict[str, object]:
        """Return every report on a task, oldest first.

        Raises:
            InvalidInputError, NotFoundError: There is no such task.
        """
        return answers.timeline(self._find.task(task_id), self._registry)


@contextmanager
def _advisory(what: str) -> Generator[None]:
    """Only log that a file for others to read cannot be written: what it says is on record."""
    try:
        yield
    except OSError as error:
        logger.warning("cannot write %s: %s", what, error)
