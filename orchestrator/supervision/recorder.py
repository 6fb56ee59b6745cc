"""Changes of agents on their way to the registry: those that cannot be recorded now wait for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import anyio

from orchestrator.errors import NotFoundError, RegistryError
from orchestrator.model import FINAL, may_follow
from orchestrator.process.folder_watch import watch_folder

if TYPE_CHECKING:
    from orchestrator.model import AgentId, AgentRecord, AgentState
    from orchestrator.registry import Registry

logger = logging.getLogger(__name__)

#: Seconds between two tries, and how they grow while the registry cannot be used.
_PAUSE: Final = 1.0
_GROWTH: Final = 1.5
_LONGEST: Final = 5.0


class Recorder:
    """Records how the agents of one orchestrator are: now, or when that becomes possible.

    A full disk, or a registry that cannot be used, costs nobody the control over an agent: what is
    known of it goes on in memory, and is recorded when there is room.
    """

    def __init__(self, registry: Registry, *, pause: float = _PAUSE) -> None:
        """Record here.

        Args:
            registry: The workspace's.
            pause: Seconds between two tries of `keep`; more and more of them, 5 at most.
        """
        self._registry = registry
        self._pause = pause
        self._states: dict[AgentId, _Chain] = {}
        self._removals: dict[AgentId, None] = {}
        self._trouble: RegistryError | None = None
        self._late: set[AgentId] = set()
        self._needed = anyio.Event()

    @property
    def waiting(self) -> int:
        """How many changes are not on record yet."""
        return sum(map(len, self._states.values())) + len(self._removals)

    def record(self, agent_id: AgentId, state: AgentState, fallback: AgentRecord) -> AgentRecord:
        """Record the next state of an agent; never raises.

        Args:
            agent_id: Which agent.
            state: Its next state.
            fallback: What is known of it here, for when that cannot be recorded now.

        Returns:
            The agent as it is from then on: as the registry has it, or else in memory. The
            registry's word stands when another process has recorded what this cannot follow.
        """
        chain = self._states.setdefault(agent_id, _Chain(fallback.state))
        chain.add(state)
        try:
            record = self._write(agent_id, chain)
        except RegistryError as error:
            self._late.add(agent_id)
            self._complain(f"that agent {agent_id} is {state.kind}", error)
            record = None

        return record or fallback.model_copy(update={"state": chain.newest})

    def remove(self, agent_id: AgentId) -> None:
        """Forget an agent that the operating system would not start; never raises."""
        try:
            self._remove(agent_id)
        except RegistryError as error:
            self._removals[agent_id] = None
            self._late.add(agent_id)
            self._complain(f"that agent {agent_id} was not started", error)

    async def keep(self) -> None:
        """Record what waits as soon as that is possible, and look after the registry; for ever.

        Nothing is done while nothing waits and nobody touches the registry's file.
        """
        async with anyio.create_task_group() as group:
            group.start_soon(self._look_after_file)
            while True:
                await self._needed.wait()
                self._needed = anyio.Event()
                await self._try_again()

    async def _try_again(self) -> None:
        """Until all is on record: there is no event for room on a disk."""
        pause = self._pause
        while not self.catch_up():
            await anyio.sleep(pause)
            pause = min(pause * _GROWTH, _LONGEST)

    async def _look_after_file(self) -> None:
        """Have this process's agents in the registry soon after somebody has put another there."""
        path = self._registry.path
        while True:
            with watch_folder(path.parent) as watch:
                self._needed.set()  # for what was done before it was watched
                told = True
                while watch is not None and told:
                    told = await watch.wait_changed(path.name)
                    self._needed.set()

            # It is not offered here, or the folder itself is gone: the look makes a new one.
            await anyio.sleep(_LONGEST)
            self._needed.set()

    def catch_up(self) -> bool:
        """Record what waits, oldest first; return whether all is on record."""
        try:
            self._registry.check()
            for agent_id, chain in tuple(self._states.items()):
                self._write(agent_id, chain)

            for agent_id in tuple(self._removals):
                self._remove(agent_id)
        except RegistryError as error:
            self._complain("anything", error)
            return False

        if self._trouble is not None:
            logger.warning("recorded what had waited of %d agents", len(self._late))
            self._trouble = None
            self._late.clear()

        return True

    def flush(self) -> int:
        """Try for the last time to record what waits.

        Returns:
            How many changes stay unrecorded. The next start takes the ends of these agents from
            what their keepers wrote.
        """
        if not self.catch_up() and self.waiting:
            logger.error("%d changes stay unrecorded: %s", self.waiting, self._trouble)

        return self.waiting

    def _write(self, agent_id: AgentId, chain: _Chain) -> AgentRecord | None:
        """Record the states of an agent that wait, oldest first; return how it is then."""
        record = None
        while chain.states:
            record = self._set_state(agent_id, chain.states[0])
            chain.pass_on()

        self._states.pop(agent_id, None)
        return record

    def _set_state(self, agent_id: AgentId, state: AgentState) -> AgentRecord | None:
        agents = self._registry.agents
        try:
            try:
                return agents.set_state(agent_id, state)
            except RegistryError as error:
                known = agents.get(agent_id)
                if known.live and may_follow(known.state, state):
                    raise

                logger.warning("agent %s stays %s: %s", agent_id, known.state.kind, error)
                return known
        except NotFoundError:
            logger.error("agent %s is %s, and not in the registry", agent_id, state.kind)  # noqa: TRY400  no traceback needed
            return None

    def _remove(self, agent_id: AgentId) -> None:
        try:
            self._registry.agents.remove(agent_id)
        except NotFoundError:
            pass
        except RegistryError as error:
            if self._registry.agents.get(agent_id).state.kind == "starting":
                raise

            logger.warning("agent %s stays on record: %s", agent_id, error)

        self._removals.pop(agent_id, None)

    def _complain(self, what: str, error: RegistryError) -> None:
        """Say it aloud, once until the registry can be used again."""
        if self._trouble is None:
            logger.error("cannot record %s: %s; %d changes wait", what, error, self.waiting)

        self._trouble = error
        self._needed.set()


class _Chain:
    """The states of one agent that are not on record yet: the newest, and what must precede it."""

    def __init__(self, recorded: AgentState) -> None:
        self._recorded = recorded
        self.states: list[AgentState] = []
        self.newest = recorded

    def __len__(self) -> int:
        return len(self.states)

    def add(self, state: AgentState) -> None:
        """Take in the next state; those that need not be known any more are left out."""
        if self.newest.kind in FINAL:
            return

        self.newest = state
        for kept, before in enumerate((self._recorded, *self.states)):
            if self.states and before == state:
                # there and back again
                del self.states[kept:]
                return

            if may_follow(before, state):
                del self.states[kept:]
                break

        self.states.append(state)

    def pass_on(self) -> None:
        """The oldest one is on record."""
        self._recorded = self.states.pop(0)
