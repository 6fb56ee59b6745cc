"""Making registry and reality agree: what dead orchestrators have left half done.

For each agent whose orchestrator is gone: a durable one that lives is adopted; when its keeper
still lives, the keeper is finishing a stop and is waited for; when the keeper has written how the
agent ended, that is recorded; and otherwise what is left of the agent is swept, and it is
recorded as lost.
"""

from __future__ import annotations

import logging
import math
import os
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

import anyio

from orchestrator.errors import AgentStateError, OrchestratorError
from orchestrator.model import Kept, ProcessIdentity, Stopping
from orchestrator.process.folder_watch import watch_folder
from orchestrator.process.identity import alive, wait_gone
from orchestrator.process.overrule import overrule, wake_nurseries

from .ending import (
    bury,
    clear_away,
    final_state,
    is_kept,
    leader_of,
    log_end,
    part_of,
    read_outcome_file,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Generator, Mapping

    from anyio.abc import TaskGroup

    from orchestrator.model import AgentId, AgentRecord, OrchestratorRecord
    from orchestrator.process.messages import KeeperReport
    from orchestrator.providers import Provider
    from orchestrator.registry import Registry

    from .changes import Changes

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds between two looks at what is on record, where the system does not tell of changes; runs
#: that are known are watched meanwhile.
LOOK: Final = 5.0

#: Seconds for a keeper that was never recorded, and whose agent is gone, to write how it ended.
LAST_WORD: Final = 2.0
_ROUND: Final = 0.02

#: Seconds before a keeper that takes no orchestrator is tried again.
AGAIN: Final = 10.0


class Reconciler:
    """Finishes what orchestrators that have ended left open."""

    def __init__(
        self,
        registry: Registry,
        providers: Mapping[str, Provider],
        changes: Changes,
        *,
        adopt: Callable[[AgentRecord], Awaitable[bool]] | None = None,
        stranded: Collection[AgentId] = (),
    ) -> None:
        """Record here, and tell of every change.

        Args:
            registry: The workspace's.
            providers: The agent CLIs by name.
            changes: Who wants to know.
            adopt: Takes over a durable agent that lives; False when that cannot be done. None
                leaves durable agents to themselves.
            stranded: Agents of this run that nobody holds, now or later: `adopt` failed halfway.
        """
        self._registry = registry
        self._providers = providers
        self._changes = changes
        self._adopt = adopt
        self._stranded = stranded
        self._at_work: set[str] = set()
        self._complaints: set[str] = set()
        self._news = anyio.Event()

    async def once(self) -> None:
        """Settle what those that have ended by now left."""
        async with anyio.create_task_group() as group:
            self._begin_what_is_due(group)

    async def keep(self) -> None:
        """Do so at once, and from then on with whatever others leave, until cancelled."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._hear_of_runs)
            while True:
                self._news = anyio.Event()
                with self._complaining("what others leave"):
                    for owner in self._begin_what_is_due(group):
                        self._begin(group, f"the end of {owner.id}", self._wake_after, owner)

                pause = math.inf if not self._complaints else AGAIN
                with anyio.move_on_after(pause):
                    await self._news.wait()

    async def _hear_of_runs(self) -> None:
        """Have a look whenever a run comes, or goes in good order."""
        folder = self._registry.presence.folder
        while True:
            with watch_folder(folder) as watch:
                told = True
                while watch is not None and told:
                    told = await watch.wait_changed()
                    self._news.set()

            await anyio.sleep(LOOK)
            self._news.set()

    async def settle(self, record: AgentRecord) -> None:
        """Finish an agent whose orchestrator is gone; a durable one that lives is adopted."""
        with self._complaining(f"agent {record.id}"):
            former, record = record.owner, self._registry.agents.get(record.id)
            if not record.live or record.owner != former or await self._lives_on(record):
                return

            if isinstance(record.state, Kept):
                longest = record.stop.longest + record.stop.kill_limit
                await overrule(record.state.keeper, after=longest)
                _check_gone(record.id, record.state.keeper)

            record = await self._finish(self._registry.agents.get(record.id))
            self._changes.tell(record)
            log_end(record)
            clear_away(record)

    def _begin_what_is_due(self, group: TaskGroup) -> list[OrchestratorRecord]:
        """Begin to settle what is left, but for what is being settled; returns who still lives.

        This run is not among them, and nothing of it is touched that it holds.
        """
        # In this order: an agent on record has its run on record before.
        live = self._registry.agents.find(live=True)
        runs = self._registry.orchestrators.all(open_only=True)
        mine = self._registry.orchestrators.memory.own_run
        others = [owner for owner in runs if owner.id != mine]
        for owner in others:
            if abandoned(owner, self._registry):
                self._begin(group, owner.id, self._close, owner)

        open_runs = {owner.id for owner in runs}
        for record in live:
            # Of a run whose shutdown is done: it is durable.
            if record.owner not in open_runs or record.id in self._stranded:
                self._begin(group, record.id, self.settle, record)

        return [owner for owner in others if not abandoned(owner, self._registry)]

    def _begin(
        self, group: TaskGroup, name: str, work: Callable[[T], Awaitable[None]], subject: T
    ) -> None:
        """Begin some work unless it is being done; what fails is begun again at the next look."""

        async def do() -> None:
            try:
                with self._complaining(name):
                    await work(subject)
            finally:
                self._at_work.discard(name)

        if name not in self._at_work:
            self._at_work.add(name)
            group.start_soon(do)

    async def _wake_after(self, owner: OrchestratorRecord) -> None:
        """Have a look as soon as another run has ended."""
        if owner.pid != os.getpid():
            await wait_gone(_identity(owner))

        # It is another container's, or this process's own: there is no event for its end but the
        # orderly one.
        while orchestrator_lives(owner, self._registry):  # noqa: ASYNC110
            await anyio.sleep(LOOK)

        self._news.set()

    @contextmanager
    def _complaining(self, subject: str) -> Generator[None]:
        """Say once that something cannot be settled; it is tried again."""
        try:
            yield
        except OrchestratorError:
            if self._is_new(subject):
                logger.exception("%s: cannot be settled at present", subject)
        else:
            self._complaints.discard(subject)

    def _is_new(self, subject: str) -> bool:
        """Note what cannot be settled; while there is any, it is tried again."""
        if subject in self._complaints:
            return False

        self._complaints.add(subject)
        self._news.set()
        return True

    async def _close(self, owner: OrchestratorRecord) -> None:
        wake_nurseries(self._registry.path.parent)
        agents = self._registry.agents.find(owner=owner.id, live=True)
        await self._settle_all(agents)
        began = owner.shutdown_reason
        self._registry.orchestrators.finish_shutdown(owner.id, datetime.now(UTC))
        self._registry.presence.forget(owner.id)
        logger.info(
            "orchestrator %s pid=%d %s; settled agents=%d",
            owner.id,
            owner.pid,
            f"was cut off in its shutdown ({began})" if began else "was killed",
            len(agents),
        )

    async def _settle_all(self, agents: list[AgentRecord]) -> None:
        async with anyio.create_task_group() as group:
            for record in agents:
                group.start_soon(self.settle, record)

    async def _lives_on(self, record: AgentRecord) -> bool:
        """Whether it is a durable agent that lives, and not to be ended."""
        stopped = isinstance(record.state, Stopping) and record.state.requested
        if not record.durable or stopped or not is_kept(record):
            return False

        door = f"the door of agent {record.id}"
        if self._adopt is None or await self._adopt(record):
            self._complaints.discard(door)
            return True

        # Its keeper lives and takes no orchestrator: it can be stopped by signal; wait for that.
        if isinstance(record.state, Kept):
            if self._is_new(door):
                logger.warning(
                    "agent %s cannot be adopted: its keeper pid=%d does not answer at %s; it is "
                    "tried again, and `orchestrator stop` works",
                    record.id,
                    record.state.keeper.pid,
                    record.files.door,
                )

            with anyio.move_on_after(AGAIN):
                await wait_gone(record.state.keeper)
                self._complaints.discard(door)

        return is_kept(record)

    async def _finish(self, record: AgentRecord) -> AgentRecord:
        report = read_outcome_file(record)
        if report is None:
            born = leader_of(record) or self._owner_of(record)
            lost = await bury(record, "its orchestrator and its keeper were killed", born=born)
            report = await _last_word(record)
            state = final_state(record, report, self._providers) if report else lost
        else:
            state = final_state(record, report, self._providers)

        return self._registry.agents.set_state(record.id, state)

    def _owner_of(self, record: AgentRecord) -> ProcessIdentity | None:
        owner = self._registry.orchestrators.find(record.owner)
        return _identity(owner) if owner else None


def _check_gone(agent_id: AgentId, keeper: ProcessIdentity) -> None:
    if alive(keeper):
        raise AgentStateError(
            f"Agent {agent_id} cannot be ended: its keeper pid={keeper.pid} does not take SIGKILL; "
            "if it is another user's, `orchestrator stop` as that user",
            agent_id=agent_id,
        )


async def _last_word(record: AgentRecord) -> KeeperReport | None:
    """Read what a keeper that was never recorded has written, or is about to write."""
    part = part_of(record)
    with anyio.move_on_after(LAST_WORD):
        # Not known by a pid, it cannot be waited for; it removes this when it is done.
        while not isinstance(record.state, Kept) and part.exists():  # noqa: ASYNC110
            await anyio.sleep(_ROUND)

    return read_outcome_file(record)


def is_ownerless(record: AgentRecord, registry: Registry) -> bool:
    """Whether nobody may be left to record an agent's end."""
    owner = registry.orchestrators.find(record.owner)
    return owner is None or abandoned(owner, registry)


def abandoned(owner: OrchestratorRecord, registry: Registry) -> bool:
    """Whether nobody may be left to record the ends of its agents.

    It has ended, or is ending: a run that does not wait for its keepers can be over while its
    process, that of a program which uses the library, goes on.
    """
    return owner.shutdown_began_at is not None or not orchestrator_lives(owner, registry)


def orchestrator_lives(owner: OrchestratorRecord, registry: Registry) -> bool:
    """Whether this run still goes on, in whatever container; by its pid where no lock says it."""
    held = registry.presence.is_held(owner.id)
    return alive(_identity(owner)) if held is None else held


def _identity(owner: OrchestratorRecord) -> ProcessIdentity:
    return ProcessIdentity(pid=owner.pid, start_ticks=owner.start_ticks, boot_id=owner.boot_id)
