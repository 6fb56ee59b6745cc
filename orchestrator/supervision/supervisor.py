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
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import anyio
import psutil

from orchestrator.errors import LimitReachedError, NotFoundError, ShuttingDownError
from orchestrator.model import OrchestratorRecord, new_orchestrator_id
from orchestrator.process.identity import identify

from .agent import Agent
from .changes import Changes
from .family import CostWatch, close_gate, stop_members
from .lives import Lives
from .observer import Observer
from .orders import point_relays, write_prompt
from .preparation import prepare
from .reconcile import Reconciler
from .recorder import Recorder
from .remote import freeze_anywhere, stop_anywhere, thaw_anywhere
from .shutdown import Shutdown
from .watch import Watcher

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from anyio.abc import TaskGroup

    from orchestrator.model import (
        AgentFiles,
        AgentId,
        AgentRecord,
        AgentSpec,
        Cookie,
        LimitName,
        Limits,
        OrchestratorId,
    )
    from orchestrator.model.activity import Activity

    from .preparation import Resources

logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_supervisor(
    resources: Resources,
    *,
    shutdown_timeout: float | None = None,
    adopt: bool = True,
    on_change: tuple[Callable[[AgentRecord], None], ...] = (),
) -> AsyncGenerator[Supervisor]:
    """Supervise agents for the length of the block; leaving it leaves only durable ones.

    What earlier orchestrators of the workspace have left half done is settled meanwhile.

    Args:
        resources: What to work with.
        shutdown_timeout: Seconds to wait for the agents' ends when the block is left. None waits
            as long as the longest stop may take. Whoever is not done by then is carried through
            by its keeper, and the next orchestrator of the workspace records it.
        adopt: Take over durable agents whose orchestrator has ended.
        on_change: Called with every record that has changed, the last ones of a shutdown too.
    """
    run = new_orchestrator_id()
    with resources.registry.presence.hold(run):
        async with anyio.create_task_group() as group:
            supervisor = Supervisor(resources, run, group=group, adopt=adopt, on_change=on_change)
            resources.registry.orchestrators.add(supervisor.record)
            resources.registry.presence.announce()
            logger.info(
                "orchestrator %s started pid=%d workspace=%s",
                supervisor.id,
                os.getpid(),
                resources.settings.workspace,
            )
            group.start_soon(supervisor.reconciler.keep)
            group.start_soon(supervisor.recorder.keep)
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
        reconciler: Settles what other runs have left.
        observer: Looks at what agents do.
        recorder: Records how agents are, now or when that is possible.
    """

    def __init__(
        self,
        resources: Resources,
        run: OrchestratorId,
        *,
        group: TaskGroup,
        adopt: bool,
        on_change: tuple[Callable[[AgentRecord], None], ...],
    ) -> None:
        """Use the group for one task for each agent."""
        self.registry = resources.registry
        costs = CostWatch(resources.registry, self.stop_family, group)
        self.changes = Changes(*on_change, costs.agent_changed)
        self._resources = resources
        self._shutdown: Shutdown | None = None
        me = identify(os.getpid())
        self.record = OrchestratorRecord(
            id=run,
            pid=os.getpid(),
            start_ticks=me.start_ticks if me else 0,
            boot_id=me.boot_id if me else "",
            started_at=datetime.now(UTC),
        )
        providers = resources.providers
        self.recorder = Recorder(resources.registry)
        watcher = Watcher(
            resources.registry, resources.launcher, providers, self.changes, self.recorder
        )
        self.observer = observer = Observer(providers)
        self._lives = Lives(resources, watcher, self.recorder, observer, owner=run, group=group)
        self.reconciler = Reconciler(
            resources.registry,
            providers,
            self.changes,
            adopt=self._adopt if adopt else None,
            stranded=self._lives.stranded,
        )

    @property
    def id(self) -> OrchestratorId:
        """The id of this run."""
        return self.record.id

    @property
    def agents(self) -> tuple[Agent, ...]:
        """The agents of this run that have not ended."""
        return tuple(self._lives.agents.values())

    def agent(self, agent_id: AgentId) -> Agent:
        """Return the handle of an agent of this run that has not ended.

        Raises:
            NotFoundError: There is none; it may have ended, or be another orchestrator's.
        """
        try:
            return self._lives.agents[agent_id]
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
            LimitReachedError: One more would be too many, or too deep, or memory is short.
            GateClosedError: The family that it would belong to is being stopped.
            NotFoundError: Its parent is not known.
            ShuttingDownError: The orchestrator is ending.
        """
        self._admit()
        # Asked for first: while its keeper is being forked, the order is made.
        keeper = self._resources.launcher.reserve()
        try:
            record, order = prepare(
                self._resources, spec, owner=self.id, agent_id=agent_id, files=files
            )
            self.registry.agents.add(record, limits or self._resources.limits)
            with self._lives.undone_unless_started(record):
                write_prompt(record.files, spec.prompt)
                point_relays(record, self._resources.surroundings)

            agent = Agent(record, self.observer)
            self._lives.launch(agent, order, keeper)
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
            NotFoundError: There is no such agent, or its launch failed meanwhile.
        """
        agent = self._lives.agents.get(agent_id)
        if agent is None:
            return await stop_anywhere(
                self.reconciler, self.registry, agent_id, reason=reason, kill=kill
            )

        agent.ask_to_stop(reason, kill=kill)
        await agent.wait_stopped()
        if agent.is_refused:
            raise NotFoundError(f"Agent {agent_id} was not started", agent_id=agent_id)

        return agent.record

    async def stop_family(
        self, agent_id: AgentId, *, reason: str, kill: bool = False, limit: LimitName | None = None
    ) -> list[AgentRecord]:
        """Stop an agent and all below it, and wait for their ends.

        First nothing can be launched in the family any more; then its agents are asked to stop,
        parents before their children.

        Args:
            agent_id: The head of the family; it may have ended.
            reason: Why, in words, for the receipts.
            kill: Skip every grace.
            limit: The limit that is the reason, if one is.

        Returns:
            What is known of those that were live, in that order.

        Raises:
            NotFoundError: There is no such agent.
        """
        family = close_gate(agent_id, self.registry, self._lives.agents.values())
        for record in family:
            agent = self._lives.agents.get(record.id)
            if agent is not None:
                agent.ask_to_stop(reason, kill=kill, limit=limit)

        return await stop_members(family, partial(self.stop, reason=reason, kill=kill))

    async def freeze(self, agent_id: AgentId) -> AgentRecord:
        """Let all processes of an agent of this workspace stand still, whoever launched it.

        Raises:
            NotFoundError: There is no such agent.
            AgentStateError: It is being stopped, or has ended.
        """
        agent = self._lives.agents.get(agent_id)
        if agent is None:
            return await freeze_anywhere(self.registry, agent_id)

        await agent.freeze()
        return agent.record

    async def thaw(self, agent_id: AgentId) -> AgentRecord:
        """Let a frozen agent go on; raises as `freeze` does."""
        agent = self._lives.agents.get(agent_id)
        if agent is None:
            return await thaw_anywhere(self.registry, agent_id)

        await agent.thaw()
        return agent.record

    async def activity(self, agent_id: AgentId) -> Activity:
        """Say what an agent of this workspace does, and how that is known.

        Raises:
            NotFoundError: There is no such agent.
            OrchestratorError: A file system hangs.
        """
        return await self.observer.look_at(self.look_up(agent_id))

    def look_up(self, agent_id: AgentId) -> AgentRecord:
        """Return what is known of an agent: of one's own, even if the registry cannot be read.

        Raises:
            NotFoundError: There is no such agent.
            RegistryError: It is not one of this run, and the registry cannot be read.
        """
        agent = self._lives.agents.get(agent_id)
        return self.registry.agents.get(agent_id) if agent is None else agent.record

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
        bound = self._bound()
        for agent in bound:
            agent.ask_to_stop(f"shutdown: {reason}")

        self._shutdown.record_begin(len(bound), durable=len(self.agents) - len(bound))

    def kill_all(self, reason: str) -> None:
        """Skip every grace: SIGKILL for whoever is left but durable agents."""
        for agent in self._bound():
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
                for agent in self._bound():
                    group.start_soon(agent.wait_stopped)

        unfinished = len(self._bound())
        durable = len(self.agents) - unfinished
        self._lives.abandon()
        self.recorder.flush()
        self._shutdown.record_end(unfinished=unfinished, durable=durable, ends=self._lives.ends)

    def _bound(self) -> list[Agent]:
        """Those that end with this run: all but durable ones that nobody has asked to stop."""
        return [agent for agent in self.agents if not agent.lives_on]

    def _admit(self) -> None:
        if self._shutdown is not None:
            raise ShuttingDownError(
                f"The orchestrator is ending ({self._shutdown.reason}); start it again to launch"
            )

        wanted = self._resources.settings.free_memory
        if wanted and (free := psutil.virtual_memory().available) < wanted:
            raise LimitReachedError(
                f"Only {free // 2**20} MB of memory are available, and {wanted // 2**20} MB are "
                "wanted for one more agent: stop some, or lower ORCHESTRATOR_FREE_MEMORY"
            )

    async def _adopt(self, record: AgentRecord) -> bool:
        return self._shutdown is not None or await self._lives.adopt(record)
