"""A family, an agent and all below it: its end, and what it costs together."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

import anyio

from orchestrator.errors import NotFoundError
from orchestrator.model import WARN_SHARE, Exited, LimitNote

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from orchestrator.model import AgentId, AgentRecord
    from orchestrator.registry import Registry

logger = logging.getLogger(__name__)


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


class CostWatch:
    """Warns of a limit of cost, and has the family stopped that has reached it."""

    def __init__(self, registry: Registry, stop: Callable[[AgentRecord, str], None]) -> None:
        """Look here; `stop` gets the head of a family and the reason, at once and once."""
        self._registry = registry
        self._stop = stop
        self._warned: set[AgentId] = set()

    def agent_changed(self, record: AgentRecord) -> None:
        """Look at what an agent's end has cost."""
        if record.live:
            return

        for head, note in costs(record, self._registry):
            said = f"cost {note.used:.2f} of {note.allowed:.2f} US dollars"
            if note.used >= note.allowed:
                self._stop(head, f"limit reached: {said}")
            elif head.id not in self._warned:
                self._warned.add(head.id)
                logger.warning("agent %s and its family near a limit: %s", head.id, said)


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
