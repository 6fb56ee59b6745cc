"""Stopping an agent that another orchestrator launched: its keeper is asked by signal."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import anyio

from orchestrator.model import Running, Stopping
from orchestrator.process import identity
from orchestrator.process.overrule import overrule

if TYPE_CHECKING:
    from orchestrator.model import AgentId, AgentRecord
    from orchestrator.registry import Registry

_POLL: Final = 0.02

#: Seconds beyond the longest stop in which its own orchestrator should have recorded the end.
_MARGIN: Final = 5.0


async def stop_anywhere(
    registry: Registry, agent_id: AgentId, *, reason: str, kill: bool = False
) -> AgentRecord:
    """Stop an agent, whoever owns it, and wait until its end is on record.

    The keeper takes SIGTERM for a stop, and carries it out with the agent's own graces. One that
    has ended already is left alone.

    Args:
        registry: The workspace's.
        agent_id: Which agent.
        reason: Why, in words, for the receipt.
        kill: Skip the graces: SIGQUIT to the keeper.

    Returns:
        What is known of it in the end. A keeper that is overdue is ended; the record is still
        ``stopping`` then when its own orchestrator does not record the end in time.

    Raises:
        NotFoundError: There is no such agent.
    """
    record = registry.agents.get(agent_id)
    limit = record.stop.longest + record.stop.kill_limit + _MARGIN
    asked = False
    with anyio.move_on_after(limit):
        # Another process changes the record, and sqlite has no event for that.
        while record.live:
            if not asked and isinstance(record.state, Running | Stopping):
                record = _ask(registry, record.id, record.state, reason, kill=kill)
                asked = True

            await anyio.sleep(_POLL)
            record = registry.agents.get(agent_id)

    if isinstance(record.state, Running | Stopping):
        # Its keeper stands still, or its orchestrator does: the keeper's end is in our hands.
        await overrule(record.state.keeper, after=0)
        with anyio.move_on_after(_MARGIN):
            while record.live:
                await anyio.sleep(_POLL)
                record = registry.agents.get(agent_id)

    return record


def _ask(
    registry: Registry, agent_id: AgentId, state: Running | Stopping, reason: str, *, kill: bool
) -> AgentRecord:
    if not identity.alive(state.keeper):
        # Its end is on disk, or lost: either way it did not come of this request.
        return registry.agents.get(agent_id)

    if isinstance(state, Running):
        state = Stopping(
            since=datetime.now(UTC), reason=reason, leader=state.leader, keeper=state.keeper
        )

    record = registry.agents.set_state(agent_id, state)
    identity.send(state.keeper, signal.SIGQUIT if kill else signal.SIGTERM)
    identity.send(state.keeper, signal.SIGCONT)
    return record
