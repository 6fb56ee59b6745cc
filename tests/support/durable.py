"""Durable agents in tests: their specs, leaving them alone, and waiting until they are adopted."""

from __future__ import annotations

import json
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from orchestrator.model import AgentRecord, Exited, Running

from .agents import spec
from .orchestrators import open_child
from .waiting import until

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from orchestrator import Agent, AgentSpec, Outcome, ProcessIdentity, Supervisor

    from .liveness import Liveness

#: Seconds for what a busy machine may take its time for.
LONG = 20.0


def durable(
    habit: str, *arguments: str, liveness: Liveness | None = None, **more: Any
) -> AgentSpec:
    """Return the spec of a durable agent with this habit, with short graces."""
    update = {"durable": True, **more}
    return spec(habit, *arguments, liveness=liveness).model_copy(update=update)


async def leave(workspace: Path, backend: str, *specs: AgentSpec) -> list[AgentRecord]:
    """Let an orchestrator launch these, and kill it when they run; what it knew of them."""
    async with open_child(workspace, backend) as child:
        records = [AgentRecord.model_validate(await child.launch(spec)) for spec in specs]
        child.signal(signal.SIGKILL)
        await child.wait()
        return records


async def wait_adopted(orchestrator: Supervisor, agent_id: str) -> Agent:
    """Wait until an orchestrator has an agent, and its keeper listens to it."""

    def found() -> list[Agent]:
        return [each for each in orchestrator.agents if each.id == agent_id]

    (agent,) = await until(found, seconds=LONG)
    await agent.wait_settled()
    return agent


async def wait_outcome(record: AgentRecord) -> dict[str, Any]:
    """Wait until a keeper has written how its agent ended, and return that."""
    await until(record.files.outcome.exists, seconds=LONG)
    return json.loads(record.files.outcome.read_text())


async def wait_recorded(orchestrator: Supervisor, agent_id: str) -> AgentRecord:
    """Wait until the end of an agent is on record."""
    agents = orchestrator.registry.agents
    found = next(each.id for each in agents.find() if each.id == agent_id)
    await until(lambda: not agents.get(found).live, seconds=LONG)
    return agents.get(found)


@contextmanager
def reach(door: Path) -> Generator[str]:
    """Give a path to a socket that is short enough for one, for the length of the block."""
    folder = os.open(door.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{door.name}"
    finally:
        os.close(folder)


def outcome_of(record: AgentRecord) -> Outcome:
    """Return how an agent ended whose end was seen."""
    assert isinstance(record.state, Exited), record.state
    return record.state.outcome


def reason_of(record: AgentRecord) -> str:
    """Return why it was stopped."""
    receipt = outcome_of(record).receipt
    assert receipt is not None
    return receipt.reason


def keeper_of(record: AgentRecord) -> ProcessIdentity:
    """Return the keeper of an agent that runs."""
    assert isinstance(record.state, Running), record.state
    return record.state.keeper
