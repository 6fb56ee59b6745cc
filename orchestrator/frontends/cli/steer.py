"""``orchestrator freeze`` and ``orchestrator thaw``: agents stand still, and go on."""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING

import anyio

from orchestrator.errors import OrchestratorError
from orchestrator.supervision import freeze_anywhere, thaw_anywhere

from .workspace import find_agent, open_existing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from orchestrator.config import Settings
    from orchestrator.model import AgentId, AgentRecord
    from orchestrator.registry import Registry

    Steer = Callable[[Registry, AgentId], Awaitable[AgentRecord]]


def freeze(settings: Settings, names: Sequence[str], *, as_json: bool) -> int:
    """Let agents stand still, and say of each how it is; returns the exit status.

    Raises:
        NotFoundError: There is no workspace, or no such agent; nothing was done.
        RegistryError: The workspace cannot be used.
    """
    return _steer(settings, names, freeze_anywhere, as_json=as_json)


def thaw(settings: Settings, names: Sequence[str], *, as_json: bool) -> int:
    """Let frozen agents go on; as `freeze`."""
    return _steer(settings, names, thaw_anywhere, as_json=as_json)


def _steer(settings: Settings, names: Sequence[str], how: Steer, *, as_json: bool) -> int:
    with open_existing(settings) as registry:
        chosen = list(dict.fromkeys(find_agent(registry, name).id for name in names))
        states = anyio.run(partial(_each, registry, chosen, how))

    if as_json:
        sys.stdout.write(json.dumps(states, indent=2) + "\n")
    else:
        for each in states:
            sys.stdout.write(f"{each['id']}  {each['error'] or each['state']}\n")

    return 1 if any(each["error"] for each in states) else 0


async def _each(
    registry: Registry, chosen: Sequence[AgentId], how: Steer
) -> list[dict[str, str | None]]:
    states: dict[AgentId, dict[str, str | None]] = {}

    async def steer_one(agent_id: AgentId) -> None:
        try:
            record = await how(registry, agent_id)
        except OrchestratorError as error:
            kind = registry.agents.get(agent_id).state.kind
            states[agent_id] = {"id": agent_id, "state": kind, "error": str(error)}
        else:
            states[agent_id] = {"id": agent_id, "state": record.state.kind, "error": None}

    async with anyio.create_task_group() as group:
        for agent_id in chosen:
            group.start_soon(steer_one, agent_id)

    return [states[agent_id] for agent_id in chosen]
