"""The supervisor: launches agents, watches each in a task of its own, and leaves nobody.

An agent's task is shielded from cancellation. A cancelled root scope does not cut off the watching
of agents: it makes the supervisor's block end, which asks every keeper to stop its agent at once,
then waits for their last words as long as it is let. Keepers carry a stop through by themselves.
"""

from __future__ import annotations

import logging
import math
import os
import time
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio

from orchestrator.errors import NotFoundError, OrchestratorError, ShuttingDownError
from orchestrator.model import OrchestratorRecord, new_orchestrator_id
from orchestrator.process.identity import identify

from .agent import Agent
from .changes import Changes
from .orders import remove_files, write_prompt
from .preparation import prepare
from .reconcile import abandoned, keep_reconciled, reconcile
from .remote import stop_anywhere
from .shutdown import Shutdown
from .watch import Watcher

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from anyio.abc import TaskGroup

    from orchestrator.model import (
        AgentFiles,
        AgentId,
        AgentRecord,
        AgentSpec,
        Cookie,
        Limits,
        OrchestratorId,
    )
    from orchestrator.process.link import KeeperLink
    from orchestrator.process.wire import LaunchMessage

    from .preparation import Resources

logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_supervisor(
    resources: Resources,
    *,
    shutdown_timeout: float | None = None,
    on_change: tuple[Callable[[AgentRecord], None], ...] = (),
) -> AsyncGenerator[Supervisor]:
    """Supervise agents for the length of the block; leaving it leaves nobody.

    What earlier orchestrators of the workspace have left half done is settled meanwhile.

    Args:
        resources: What to work with.
        shutdown_timeout: Seconds to wait for the agents' ends when the block is left. None waits
            as long as the longest stop may take. Whoever is not done by then is carried through
            by its keeper, and the next orchestrator of the workspace records it.
        on_change: Called with every record that has changed, the last ones of a shutdown too.
    """
    async with anyio.create_task_group() as group:
        supervisor = Supervisor(resources, group=group, changes=Changes(*on_change))
        resources.registry.orchestrators.add(supervisor.record)
        logger.info(
            "orchestrator %s started pid=%d workspace=%s",
            supervisor.id,
            os.getpid(),
            resources.settings.workspace,
        )
        group.start_soon(
            keep_reconciled, resources.registry, resources.providers, supervisor.changes
        )
        try:
            yield supervisor
        finally:
            supervisor.begin_shutdown("the end of its run")
            await supervisor.finish(shutdown_timeout)
            group.cancel_scope.cancel()


class Supervisor:
    """The agents of one orchestrator; made by `open_supervisor`.

    Attributes:
        record: This run, as it is on record.
        registry: What is known, of all orchestrators' agents.
        changes: Tells of every record that has changed.
    """

    def __init__(self, resources: Resources, *, group: TaskGroup, changes: Changes) -> None:
        """Use the group for one task for each agent."""
        self.registry = resources.registry
        self.changes = changes
        self._resources = resources
        self._group = group
        self._agents: dict[AgentId, Agent] = {}
        self._scopes: dict[AgentId, anyio.CancelScope] = {}
        self._shutdown: Shutdown | None = None
        self._counts: dict[str, int] = {}
        self._watcher = Watcher(
            resources.registry, resources.launcher, resources.providers, changes
        )
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

        # Asked for first: while its keeper is being forked, the order is made.
        keeper = self._resources.launcher.reserve()
        try:
            record, order = prepare(
                self._resources, spec, owner=self.id, agent_id=agent_id, files=files
            )
            self.registry.agents.add(record, limits or self._resources.limits)
            with self._undone_unless_started(record):
                write_prompt(record.files, spec.prompt)

            agent = Agent(record)
            self._agents[record.id] = agent
            self._group.start_soon(self._live, agent, order, keeper, name=f"agent {record.id}")
        except BaseException:
            if keeper is not None:
                keeper.close()

            raise

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
            await self._settle_if_abandoned(agent_id)
            return await stop_anywhere(self.registry, agent_id, reason=reason, kill=kill)

        agent.ask_to_stop(reason, kill=kill)
        await agent.wait_stopped()
        return agent.record

    async def _settle_if_abandoned(self, agent_id: AgentId) -> None:
        """Reconcile when the agent's own orchestrator has ended since this one started."""
        record = self.registry.agents.get(agent_id)
        owner = self.registry.orchestrators.find(record.owner)
        if record.live and owner is not None and abandoned(owner):
            await reconcile(self.registry, self._resources.providers, self.changes)

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

        runs = self.registry.orchestrators
        self._shutdown = Shutdown(reason, owner=self.id, runs=runs)
        for agent in self._agents.values():
            agent.ask_to_stop(f"shutdown: {reason}")

        self._shutdown.record_begin(len(self._agents))

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

        limit = math.inf if at_most is None else at_most
        left = self._shutdown.began + limit - time.monotonic()
        with anyio.move_on_after(max(0.0, left), shield=True):
            async with anyio.create_task_group() as group:
                for agent in tuple(self._agents.values()):
                    group.start_soon(agent.wait_stopped)

        unfinished = len(self._agents)
        for scope in tuple(self._scopes.values()):
            scope.cancel()

        self._shutdown.record_end(unfinished=unfinished, ends=self._counts)

    @contextmanager
    def _undone_unless_started(self, record: AgentRecord) -> Generator[None]:
        """Take the row and the files back when the launch is refused.

        One that is cut off may have started: its row stays, to be reconciled.
        """
        try:
            yield
        except OrchestratorError:
            self.registry.agents.remove(record.id)
            remove_files(record.files)
            raise

    async def _live(self, agent: Agent, order: LaunchMessage, keeper: KeeperLink | None) -> None:
        """Be the task of one agent: from its launch to its last process."""
        with anyio.CancelScope(shield=True) as scope:
            self._scopes[agent.id] = scope
            try:
                with self._undone_unless_started(agent.record):
                    link, running = await self._resources.launcher.launch(order, keeper)
            except OrchestratorError as error:
                logger.warning("agent %s was not started: %s", agent.id, error)
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
