"""The agents that this run keeps: one task for each, from its launch or adoption to its end."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import anyio

from orchestrator.errors import OrchestratorError
from orchestrator.model import Exited, Stopping, may_follow
from orchestrator.process.link import KeeperLink, knock

from .agent import Agent
from .ending import clear_away, is_kept
from .orders import point_relays, remove_files

if TYPE_CHECKING:
    from collections.abc import Generator

    from anyio.abc import TaskGroup

    from orchestrator.model import (
        AgentId,
        AgentRecord,
        AgentState,
        Frozen,
        OrchestratorId,
        Running,
    )
    from orchestrator.process.wire import LaunchMessage

    from .observer import Observer
    from .preparation import Resources
    from .recorder import Recorder
    from .watch import Watcher

logger = logging.getLogger(__name__)

#: Seconds before an agent's keeper is knocked at again, when somebody else has come in there.
_PAUSE: Final = 0.5


class Lives:
    """Every agent of one run that has not ended.

    An agent's task is shielded from cancellation: what ends it is the agent's end, or `abandon`.

    Attributes:
        agents: Their handles, by id.
        stranded: Durable agents that are this run's on record and could be neither adopted nor
            given back; and whose they were.
        ends: How many of the whole run ended in which way.
    """

    def __init__(
        self,
        resources: Resources,
        watcher: Watcher,
        recorder: Recorder,
        observer: Observer,
        *,
        owner: OrchestratorId,
        group: TaskGroup,
    ) -> None:
        """Use the group for one task for each agent."""
        self.agents: dict[AgentId, Agent] = {}
        self.stranded: dict[AgentId, OrchestratorId] = {}
        self.ends: dict[str, int] = {}
        self._resources = resources
        self._registry = resources.registry
        self._watcher = watcher
        self._recorder = recorder
        self._observer = observer
        self._owner = owner
        self._group = group
        self._scopes: dict[AgentId, anyio.CancelScope] = {}
        self._abandoned = False

    def launch(self, agent: Agent, order: LaunchMessage, keeper: KeeperLink | None) -> None:
        """Begin the life of an agent that is on record; `Agent.wait_settled` says how it went."""
        self.agents[agent.id] = agent
        self._group.start_soon(self._live, agent, order, keeper, name=f"agent {agent.id}")

    async def adopt(self, record: AgentRecord) -> bool:
        """Go on with the life of a durable agent whose orchestrator is gone.

        Returns:
            False when its keeper does not answer.
        """
        adopted = self._registry.agents.adopt(record.id, former=record.owner, owner=self._owner)
        if adopted is None:
            return True  # by somebody else, or it has ended

        met = await knock(record.files.door)
        if met is None:
            # Nobody's again: it can be stopped and frozen by signal, and tried once more.
            self.stranded[record.id] = former = self.stranded.get(record.id, record.owner)
            self._registry.agents.adopt(record.id, former=self._owner, owner=former)
            del self.stranded[record.id]
            return False

        link, state = met
        agent = Agent(adopted, self._observer)
        # While its keeper was knocked at, somebody may have recorded why it is to stop.
        agent.update(self._watcher.on_record(agent))
        self.agents[agent.id] = agent
        self.stranded.pop(agent.id, None)
        try:
            point_relays(adopted, self._resources.surroundings)
        except OrchestratorError as error:
            logger.warning("agent %s cannot report to this orchestrator: %s", agent.id, error)

        logger.info(
            "agent %s adopted pid=%d keeper=%d from %s",
            agent.id,
            state.leader.pid,
            state.keeper.pid,
            record.owner,
        )
        self._group.start_soon(self._go_on, agent, link, state, name=f"agent {agent.id}")
        return True

    def abandon(self) -> None:
        """Leave those that are left to their keepers, and whoever is about to be adopted."""
        self._abandoned = True
        for scope in tuple(self._scopes.values()):
            scope.cancel()

    @contextmanager
    def undone_unless_started(self, record: AgentRecord) -> Generator[None]:
        """Take the row and the files back when the launch is refused.

        One that is cut off may have started: its row stays, to be reconciled.
        """
        try:
            yield
        except OrchestratorError:
            self._recorder.remove(record.id)
            remove_files(record.files)
            raise

    async def _live(self, agent: Agent, order: LaunchMessage, keeper: KeeperLink | None) -> None:
        with self._alive(agent):
            try:
                with self.undone_unless_started(agent.record):
                    link, running = await self._resources.launcher.launch(order, keeper)
            except OrchestratorError as error:
                logger.warning("agent %s was not started: %s", agent.id, error)
                agent.refuse(error)
                return

            logger.info(
                "agent %s started pid=%d keeper=%d",
                agent.id,
                running.leader.pid,
                running.keeper.pid,
            )
            await self._watch(agent, link, running)

    async def _go_on(
        self, agent: Agent, link: KeeperLink, state: Running | Frozen | Stopping
    ) -> None:
        with self._alive(agent):
            await self._watch(agent, link, state)

    async def _watch(self, agent: Agent, link: KeeperLink, state: AgentState) -> None:
        while True:
            with link:
                self._note(agent, state)
                agent.attach(link)
                agent.settle()
                if await self._watcher.watch(agent, link):
                    clear_away(agent.record)
                    self._count(agent.record)
                    return

            met = await self._regain(agent, link.nursery)
            if met is None:
                return

            link, state = met

    def _note(self, agent: Agent, state: AgentState) -> None:
        """Record how an agent stands by its keeper's word, where that is news."""
        known = agent.record.state
        # A stop that is on record goes on, its reason with it, though its keeper names another one.
        if not isinstance(known, Stopping) and may_follow(known, state):
            self._watcher.record(agent, state)

    async def _regain(
        self, agent: Agent, nursery: int | None
    ) -> tuple[KeeperLink, AgentState] | None:
        """Come in at a keeper again where somebody has who is no orchestrator of this workspace.

        Returns:
            None when the agent is another orchestrator's.
        """
        while self._is_ours(agent):
            await anyio.sleep(_PAUSE)
            met = await knock(agent.record.files.door)
            if met is not None:
                logger.warning("agent %s was somebody else's, and is ours again", agent.id)
                return met

            if not is_kept(agent.record):
                # Its end is on disk, or it is lost: to be found out as ever.
                return KeeperLink.broken(nursery), agent.record.state

        return None

    def _is_ours(self, agent: Agent) -> bool:
        try:
            return self._registry.agents.get(agent.id).owner == self._owner
        except OrchestratorError:
            return True

    @contextmanager
    def _alive(self, agent: Agent) -> Generator[None]:
        with anyio.CancelScope(shield=True) as scope:
            self._scopes[agent.id] = scope
            if self._abandoned:
                scope.cancel()

            try:
                yield
            finally:
                del self._scopes[agent.id]
                del self.agents[agent.id]
                agent.settle()
                agent.note_end()

    def _count(self, record: AgentRecord) -> None:
        state = record.state
        end = state.outcome.verdict if isinstance(state, Exited) else state.kind
        self.ends[end] = self.ends.get(end, 0) + 1
