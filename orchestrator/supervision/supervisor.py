"""The supervisor: launches agents, watches each in a task of its own, and leaves nobody.

An agent's task is shielded from cancellation. A cancelled root scope does not cut off the watching
of agents: it makes the supervisor's block end, which asks every keeper to stop its agent at once,
then waits for their last words as long as it is let. Keepers carry a stop through by themselves.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import anyio

from orchestrator.errors import (
    InvalidInputError,
    NotFoundError,
    OrchestratorError,
    ShuttingDownError,
)
from orchestrator.model import (
    PREVIEW_CHARS,
    AgentRecord,
    OrchestratorRecord,
    Starting,
    new_agent_id,
    new_cookie,
    new_orchestrator_id,
)
from orchestrator.process.identity import identify

from .agent import Agent
from .changes import Changes
from .orders import (
    check_cwd,
    default_files,
    find_program,
    make_environment,
    make_order,
    remove_files,
    write_prompt,
)
from .reconcile import reconcile
from .remote import stop_anywhere
from .watch import Watcher

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Mapping
    from pathlib import Path

    from anyio.abc import TaskGroup

    from orchestrator.config import Settings
    from orchestrator.model import (
        AgentFiles,
        AgentId,
        AgentSpec,
        Cookie,
        Limits,
        OrchestratorId,
    )
    from orchestrator.process.launcher import Launcher
    from orchestrator.process.wire import LaunchMessage
    from orchestrator.providers import Provider
    from orchestrator.registry import Registry

    from .orders import Surroundings

logger = logging.getLogger(__name__)

#: Seconds beyond the longest stop in which every keeper's last word should have come.
_MARGIN = 2.0


class Shutdown(NamedTuple):
    """A shutdown that has begun: why, and when (monotonic seconds)."""

    reason: str
    began: float


@asynccontextmanager
async def open_supervisor(
    settings: Settings,
    *,
    registry: Registry,
    launcher: Launcher,
    providers: Mapping[str, Provider],
    surroundings: Surroundings,
    shutdown_timeout: float | None = None,
    limits: Limits,
    on_change: tuple[Callable[[AgentRecord], None], ...] = (),
) -> AsyncGenerator[Supervisor]:
    """Supervise agents for the length of the block; leaving it leaves nobody.

    What earlier orchestrators of the workspace have left half done is settled meanwhile.

    Args:
        settings: The workspace and the project.
        registry: Where everything is recorded.
        launcher: What forks keepers.
        providers: The agent CLIs by name.
        surroundings: What agents find that lets them report back.
        shutdown_timeout: Seconds to wait for the agents' ends when the block is left. None waits
            as long as the longest stop may take. Whoever is not done by then is carried through
            by its keeper, and the next orchestrator of the workspace records it.
        limits: For launches that name none.
        on_change: Called with every record that has changed, the last ones of a shutdown too.
    """
    async with anyio.create_task_group() as group:
        supervisor = Supervisor(
            settings,
            registry=registry,
            launcher=launcher,
            providers=providers,
            surroundings=surroundings,
            group=group,
            changes=Changes(*on_change),
            limits=limits,
        )
        registry.orchestrators.add(supervisor.record)
        logger.info(
            "orchestrator %s started pid=%d workspace=%s",
            supervisor.id,
            os.getpid(),
            settings.workspace,
        )
        group.start_soon(reconcile, registry, providers, supervisor.changes)
        try:
            yield supervisor
        finally:
            supervisor.begin_shutdown("its block was left")
            await supervisor.finish(shutdown_timeout)
            group.cancel_scope.cancel()


class Supervisor:
    """The agents of one orchestrator; made by `open_supervisor`.

    Attributes:
        record: This run, as it is on record.
        registry: What is known, of all orchestrators' agents.
        changes: Tells of every record that has changed.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        registry: Registry,
        launcher: Launcher,
        providers: Mapping[str, Provider],
        surroundings: Surroundings,
        group: TaskGroup,
        changes: Changes,
        limits: Limits,
    ) -> None:
        """Use the group for one task for each agent."""
        self._limits = limits
        self._settings = settings
        self.registry = registry
        self.changes = changes
        self._launcher = launcher
        self._providers = providers
        self._group = group
        self._agents: dict[AgentId, Agent] = {}
        self._scopes: dict[AgentId, anyio.CancelScope] = {}
        self._shutdown: Shutdown | None = None
        self._counts: dict[str, int] = {}
        self._watcher = Watcher(registry, launcher, providers, changes)
        self._surroundings = surroundings
        me = identify(os.getpid())
        self.record = OrchestratorRecord(
            id=new_orchestrator_id(),
            pid=os.getpid(),
            start_ticks=me.start_ticks if me else 0,
            boot_id=me.boot_id if me else "",
            started_at=datetime.now(UTC),
        )

    @property
    def id(self) -> OrchestratorId:
        """The id of this run."""
        return self.record.id

    @property
    def agents(self) -> tuple[Agent, ...]:
        """The agents of this run that have not ended."""
        return tuple(self._agents.values())

    @property
    def log(self) -> Path:
        """The file of lifecycle lines that orchestrator and keepers share."""
        return log_path(self._settings.workspace)

    def agent(self, agent_id: AgentId) -> Agent:
        """Return the handle of an agent of this run that has not ended.

        Raises:
            NotFoundError: There is none; it may have ended, or be another orchestrator's.
        """
        try:
            return self._agents[agent_id]
        except KeyError:
            raise NotFoundError(
                f"Agent {agent_id} is not running here; `orchestrator ps` lists all",
                agent_id=agent_id,
            ) from None

    async def launch(
        self,
        spec: AgentSpec,
        *,
        agent_id: AgentId | None = None,
        files: AgentFiles | None = None,
        limits: Limits | None = None,
    ) -> Agent:
        """Launch an agent, and return when its program runs.

        Args:
            spec: What is asked for.
            agent_id: Its id, when the prompt has to hold it; None for a new one.
            files: Where its output goes; None for a folder of its own in the workspace.
            limits: Other than those of the supervisor.

        Raises:
            InvalidInputError: The spec cannot be one.
            LaunchError: The system would not start it; nothing is left half done.
            LimitReachedError: One more would be too many, or too deep.
            NotFoundError: Its parent is not known.
            ShuttingDownError: The orchestrator is ending.
        """
        if self._shutdown is not None:
            raise ShuttingDownError(
                f"The orchestrator is ending ({self._shutdown.reason}); start it again to launch"
            )

        record, order = self._prepare(spec, agent_id, files)
        self.registry.agents.add(record, limits or self._limits)
        agent = Agent(record)
        with self._undone_unless_started(record):
            write_prompt(record.files, spec.prompt)

        self._agents[record.id] = agent
        self._group.start_soon(self._live, agent, order, name=f"agent {record.id}")
        try:
            await agent.wait_settled()
        except anyio.get_cancelled_exc_class():
            agent.ask_to_stop("its launch was cancelled")
            raise

        return agent

    async def stop(self, agent_id: AgentId, *, reason: str, kill: bool = False) -> AgentRecord:
        """Stop an agent of this workspace, whoever launched it, and wait for its end.

        One that has ended is left alone.

        Args:
            agent_id: Which agent.
            reason: Why, in words, for the receipt.
            kill: Skip every grace.

        Returns:
            What is known of it in the end.

        Raises:
            NotFoundError: There is no such agent.
        """
        agent = self._agents.get(agent_id)
        if agent is None:
            return await stop_anywhere(self.registry, agent_id, reason=reason, kill=kill)

        agent.ask_to_stop(reason, kill=kill)
        await agent.wait_ended()
        return agent.record

    def agent_for_cookie(self, cookie: Cookie) -> AgentId | None:
        """Return the live agent that was launched with this cookie, if there is one."""
        record = self.registry.agents.by_cookie(cookie)
        return record.id if record is not None and record.live else None

    def begin_shutdown(self, reason: str) -> None:
        """Tell every keeper at once to stop its agent; nothing is launched from here on.

        The first reason counts. Returns without waiting.
        """
        if self._shutdown is not None:
            return

        self._shutdown = Shutdown(reason, time.monotonic())
        for agent in self._agents.values():
            agent.ask_to_stop(f"shutdown: {reason}")

        logger.info("shutdown begun reason=%r agents=%d", reason, len(self._agents))
        try:
            self.registry.orchestrators.begin_shutdown(self.id, reason, datetime.now(UTC))
        except OrchestratorError:
            logger.exception("the shutdown could not be recorded; it goes on")

    def kill_all(self, reason: str) -> None:
        """Skip every grace: SIGKILL for whoever is left."""
        for agent in self._agents.values():
            agent.ask_to_stop(reason, kill=True)

    async def finish(self, at_most: float | None) -> None:
        """Wait for the agents' ends, then say how the shutdown went.

        Args:
            at_most: Seconds from the shutdown's beginning; None for as long as stops may take.
        """
        if self._shutdown is None:
            raise RuntimeError("finish() without begin_shutdown()")

        limit = self._longest_stop() if at_most is None else at_most
        left = self._shutdown.began + limit - time.monotonic()
        asked = len(self._agents)
        with anyio.move_on_after(max(0.0, left), shield=True):
            for agent in tuple(self._agents.values()):
                await agent.wait_ended()

        unfinished = len(self._agents)
        for scope in tuple(self._scopes.values()):
            scope.cancel()

        took_ms = (time.monotonic() - self._shutdown.began) * 1000
        ends = " ".join(f"{end}={count}" for end, count in sorted(self._counts.items()))
        if unfinished:
            logger.warning(
                "shutdown goes on without the orchestrator: reason=%r agents=%d left to their "
                "keepers=%d ms=%.0f",
                self._shutdown.reason,
                asked,
                unfinished,
                took_ms,
            )
            return

        logger.info(
            "shutdown done reason=%r agents=%d left=0 ms=%.0f%s",
            self._shutdown.reason,
            asked,
            took_ms,
            f" (whole run: {ends})" if ends else "",
        )
        try:
            self.registry.orchestrators.finish_shutdown(self.id, datetime.now(UTC))
        except OrchestratorError:
            logger.exception("the end of the shutdown could not be recorded")

    def _longest_stop(self) -> float:
        longest = [a.record.stop.longest + a.record.stop.kill_limit for a in self._agents.values()]
        return max(longest, default=0.0) + _MARGIN

    def _prepare(
        self, spec: AgentSpec, agent_id: AgentId | None, files: AgentFiles | None
    ) -> tuple[AgentRecord, LaunchMessage]:
        provider = self._providers.get(spec.provider)
        if provider is None:
            known = ", ".join(sorted(self._providers))
            raise InvalidInputError(f"Unknown provider {spec.provider!r}; there are: {known}")

        parent = self.registry.agents.get(spec.parent) if spec.parent else None
        agent_id = agent_id or new_agent_id(spec.agent_type)
        invocation = provider.invocation(spec, self._surroundings.mcp_config)
        cwd = (self._settings.project / (spec.cwd or "")).absolute()
        now = datetime.now(UTC)
        title = spec.prompt if spec.title is None else spec.title
        preview = title[:PREVIEW_CHARS]
        record = AgentRecord(
            id=agent_id,
            owner=self.id,
            agent_type=spec.agent_type,
            provider=provider.name,
            argv=invocation.argv,
            cwd=cwd,
            parent=spec.parent,
            task_id=spec.task_id,
            depth=parent.depth + 1 if parent else 1,
            prompt_preview=preview + "..." if len(title) > PREVIEW_CHARS else preview,
            cookie=new_cookie(),
            files=files or default_files(self._settings.workspace, agent_id),
            stop=spec.stop or provider.stop,
            created_at=now,
            state=Starting(since=now),
        )
        env = make_environment(record, spec, invocation, self._surroundings)
        check_cwd(cwd)
        program = find_program(record.argv, env, cwd)
        return record, make_order(record, program, env, self.log)

    @contextmanager
    def _undone_unless_started(self, record: AgentRecord) -> Generator[None]:
        """Take the half-made row and files back when the block fails."""
        try:
            yield
        except BaseException:
            self.registry.agents.remove(record.id)
            remove_files(record.files)
            raise

    async def _live(self, agent: Agent, order: LaunchMessage) -> None:
        """Be the task of one agent: from its launch to its last process."""
        with anyio.CancelScope(shield=True) as scope:
            self._scopes[agent.id] = scope
            try:
                with self._undone_unless_started(agent.record):
                    link, running = await self._launcher.launch(order)
            except OrchestratorError as error:
                agent.refuse(error)
            else:
                with link:
                    agent.record = self.registry.agents.set_state(agent.id, running)
                    self.changes.tell(agent.record)
                    logger.info(
                        "agent %s started pid=%d keeper=%d",
                        agent.id,
                        running.leader.pid,
                        running.keeper.pid,
                    )
                    agent.attach(link)
                    agent.settle()
                    await self._watcher.watch(agent, link)
                    self._count(agent.record)
            finally:
                del self._scopes[agent.id]
                del self._agents[agent.id]
                agent.settle()
                agent.note_end()

    def _count(self, record: AgentRecord) -> None:
        end = record.state.outcome.verdict if record.state.kind == "exited" else record.state.kind
        self._counts[end] = self._counts.get(end, 0) + 1


def log_path(workspace: Path) -> Path:
    """Return the file of lifecycle lines of a workspace."""
    return workspace / "registry" / "orchestrator.log"
