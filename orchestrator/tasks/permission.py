"""Who may act on whom: an agent acts as itself, and on its own descendants only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.errors import NotPermittedError
from orchestrator.model import ORCHESTRATOR, AgentId, parse_id

if TYPE_CHECKING:
    from orchestrator.registry import Registry

    from .caller import Caller


def check_speaks_as(caller: Caller, agent_id: AgentId) -> None:
    """Let an agent report for itself only.

    Raises:
        NotPermittedError: It speaks for somebody else.
    """
    if caller.agent_id not in {None, agent_id}:
        raise NotPermittedError(
            f"Agent {caller.agent_id} cannot report for {agent_id}; "
            f"call it with agent_id {caller.agent_id!r}",
            agent_id=caller.agent_id,
        )


def check_acts_on(caller: Caller, agent_id: AgentId, registry: Registry) -> None:
    """Let an agent act on its own descendants only, and only as long as it lives.

    Raises:
        NotPermittedError: It is none of them, or the caller has ended.
    """
    if caller.agent_id is None:
        return

    _check_lives(caller.agent_id, registry)
    if all(record.id != agent_id for record in registry.agents.descendants(caller.agent_id)):
        raise NotPermittedError(
            f"Agent {caller.agent_id} can act on agents below itself only, and {agent_id} is not "
            "one of them",
            agent_id=agent_id,
        )


def resolve_parent(caller: Caller, parent: str, registry: Registry) -> AgentId | None:
    """Return the parent of a new agent; None for the orchestrator itself.

    What an agent launches is its own child, or a child of one of its descendants.

    Raises:
        NotPermittedError: It names a parent that is not in its family, or has ended itself.
        InvalidInputError: The name cannot be one.
    """
    if caller.agent_id is not None:
        _check_lives(caller.agent_id, registry)

    if parent == ORCHESTRATOR:
        return caller.agent_id

    agent_id = AgentId(parse_id(parent, "parent"))
    if agent_id != caller.agent_id:
        check_acts_on(caller, agent_id, registry)

    return agent_id


def _check_lives(agent_id: AgentId, registry: Registry) -> None:
    # What an agent left connected may outlive it by moments, and is not the agent.
    if not registry.agents.get(agent_id).live:
        raise NotPermittedError(
            f"Agent {agent_id} has ended; nothing can be done in its name any more",
            agent_id=agent_id,
        )
