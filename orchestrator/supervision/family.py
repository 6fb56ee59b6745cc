"""A family, an agent and all below it: its end, and what it costs together."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Protocol

import anyio

from orchestrator.errors import NotFoundError, OrchestratorError, RegistryError
from orchestrator.model import WARN_SHARE, Exited, LimitNote

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from anyio.abc import TaskGroup

    from orchestrator.model import AgentId, AgentRecord, LimitName
    from orchestrator.registry import Registry

    from .agent import Agent

logger = logging.getLogger(__name__)


class _StopFamily(Protocol):
    """As `Supervisor.stop_family`."""

    async def __call__(
        self, agent_id: AgentId, *, reason: str, kill: bool = False, limit: LimitName | None = None
    ) -> list[AgentRecord]: ...


async def stop_members(
    members: Iterable[AgentRecord], stop: Callable[[AgentId], Awaitable[AgentRecord]]
) -> list[AgentRecord]:
    """Stop the members of a family at the same time, and wait for their ends.

    One that is not known any more was a launch that failed meanwhile, and no member.

    Returns:
        What `stop` said of each of the others, in the order of `members`.
    """
    members = list(members)
    ended: dict[AgentId, AgentRecord] = {}

    async def stop_member(member: AgentId) -> None:
        with contextlib.suppress(NotFoundError):
            ended[member] = await stop(member)

    async with anyio.create_task_group() as group:
        for record in members:
            group.start_soon(stop_member, record.id)

    return [ended[record.id] for record in members if record.id in ended]


def close_gate(head: AgentId, registry: Registry, own: Iterable[Agent] = ()) -> list[AgentRecord]:
    """Let nothing more be launched in a family, and return who lives of it, parents first.

    Where that cannot be recorded no launch can be either, and who is known is stopped all the
    same.

    Args:
        head: The agent that the family is of.
        registry: Where the family is recorded.
        own: The agents of this run, in the order of their launches.

    Raises:
        NotFoundError: There is no such agent.
        RegistryError: The registry cannot be used, and nobody of the family is known here.
    """
    try:
        return registry.agents.close_gate(head)
    except RegistryError as error:
        logger.warning("the family of agent %s is stopped as far as it is known: %s", head, error)

    try:
        family = [registry.agents.get(head), *registry.agents.descendants(head)]
        return [record for record in family if record.live]
    except RegistryError:
        known = {head}
        found: list[AgentRecord] = []
        for agent in own:
            if agent.id in known or agent.record.parent in known:
                known.add(agent.id)
                found.append(agent.record)

        if not found:
            raise

        return found


class CostWatch:
    """Warns of a limit of cost, and has the family stopped that has reached it."""

    def __init__(self, registry: Registry, stop: _StopFamily, group: TaskGroup) -> None:
        """Look here; stop families so, in a task of the group."""
        self._registry = registry
        self._stop_family = stop
        self._group = group
        self._warned: set[AgentId] = set()

    def agent_changed(self, record: AgentRecord) -> None:
        """Look at what an agent's end has cost."""
        if record.live:
            return

        for head, note in costs(record, self._registry):
            said = f"cost {note.used:.2f} of {note.allowed:.2f} US dollars"
            if note.used >= note.allowed:
                self._group.start_soon(self._stop, head.id, f"limit reached: {said}")
            elif head.id not in self._warned:
                self._warned.add(head.id)
                logger.warning("agent %s and its family near a limit: %s", head.id, said)

    async def _stop(self, head: AgentId, reason: str) -> None:
        try:
            await self._stop_family(head, reason=reason, limit="cost")
        except OrchestratorError:
            logger.exception("agent %s and its family cannot be stopped: %s", head, reason)


def costs(record: AgentRecord, registry: Registry) -> Iterator[tuple[AgentRecord, LimitNote]]:
    """Say whose limit of cost an agent's end has brought near, or reached.

    What it cost counts for itself and for each agent above it that has such a limit. Only the
    ends of agents are counted: before that no CLI says what it has cost.

    Args:
        record: An agent that has ended.
        registry: Where its family is recorded.

    Returns:
        The head of each family that has used `WARN_SHARE` of its limit or more.
    """
    if not _cost(record):
        return

    head: AgentRecord | None = record
    while head is not None:
        if head.limits.cost is not None:
            used = _cost(head) + sum(map(_cost, registry.agents.descendants(head.id)))
            if used >= head.limits.cost * WARN_SHARE:
                yield head, LimitNote(limit="cost", used=used, allowed=head.limits.cost)

        head = registry.agents.get(head.parent) if head.parent else None


def _cost(record: AgentRecord) -> float:
    if not isinstance(record.state, Exited) or record.state.outcome.result is None:
        return 0.0

    return record.state.outcome.result.cost_usd or 0.0
