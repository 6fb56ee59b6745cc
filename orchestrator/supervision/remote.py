"""Acting on an agent that another orchestrator launched: its keeper is asked by signal."""

from __future__ import annotations

import logging
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio

from orchestrator.errors import AgentStateError, RegistryError
from orchestrator.model import Frozen, Kept, Running, Stopping, begin_stop, freeze, thaw
from orchestrator.process import identity
from orchestrator.process.overrule import overrule

from .reconcile import is_ownerless

if TYPE_CHECKING:
    from orchestrator.model import AgentId, AgentRecord, ProcessIdentity
    from orchestrator.registry import Registry

    from .reconcile import Reconciler

logger = logging.getLogger(__name__)

_POLL: Final = 0.02

#: Seconds that its own orchestrator gets to record what has happened.
_PATIENCE: Final = 1.0

#: Seconds beyond the longest stop in which its own orchestrator should have recorded the end.
_MARGIN: Final = 5.0


async def stop_anywhere(
    reconciler: Reconciler,
    registry: Registry,
    agent_id: AgentId,
    *,
    reason: str,
    kill: bool = False,
) -> AgentRecord:
    """Stop an agent, whoever owns it, and wait until its end is on record.

    The keeper takes SIGTERM for a stop, and carries it out with the agent's own graces. One that
    has ended already is left alone.

    Args:
        reconciler: Records the end when the agent's orchestrator has ended.
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
            if not asked and isinstance(record.state, Kept):
                record = _ask(registry, record.id, record.state, reason, kill=kill)
                asked = True

            if is_ownerless(record, registry) or _is_overdue(record):
                await reconciler.settle(record)

            await anyio.sleep(_POLL)
            record = registry.agents.get(agent_id)
            if _is_overdue(record, _MARGIN):
                break  # it is gone, which cannot be recorded at present

    if isinstance(record.state, Kept):
        # Its keeper stands still, or its orchestrator does: the keeper's end is in our hands.
        await overrule(record.state.keeper, after=record.stop.longest)
        with anyio.move_on_after(_MARGIN):
            while record.live:
                await anyio.sleep(_POLL)
                record = registry.agents.get(agent_id)

    return record


async def freeze_anywhere(registry: Registry, agent_id: AgentId) -> AgentRecord:
    """Let all processes of an agent stand still, whoever owns it.

    Raises:
        NotFoundError: There is no such agent.
        AgentStateError: It is being stopped, or has ended; or its keeper does not do it in time.
    """
    return await _signal(registry, agent_id, signal.SIGUSR1, "frozen")


async def thaw_anywhere(registry: Registry, agent_id: AgentId) -> AgentRecord:
    """Let a frozen agent go on, whoever owns it.

    Raises:
        NotFoundError, AgentStateError: As in `freeze_anywhere`.
    """
    return await _signal(registry, agent_id, signal.SIGUSR2, "running")


async def _signal(registry: Registry, agent_id: AgentId, number: int, wanted: str) -> AgentRecord:
    record = registry.agents.get(agent_id)
    asked_at = None
    with anyio.move_on_after(_MARGIN):
        while isinstance(record.state, Running | Frozen):
            ownerless = is_ownerless(record, registry)
            # Without an orchestrator, what is on record may be out of date: it is asked anyway.
            if asked_at is None and (ownerless or record.state.kind != wanted):
                asked_at = await _send(record.state.keeper, number)

            if record.state.kind == wanted:
                break

            if asked_at is not None and (ownerless or _is_late(asked_at, record.state.keeper)):
                # Nobody else records it: there is no orchestrator, or it stands still.
                record = registry.agents.set_state(agent_id, _turned(record.state))
                break

            await anyio.sleep(_POLL)
            record = registry.agents.get(agent_id)

    if record.state.kind != wanted:
        raise AgentStateError(
            f"Agent {agent_id} is {record.state.kind} and cannot be made {wanted}: "
            "only one that runs or is frozen can (`orchestrator ps` lists them)",
            agent_id=agent_id,
        )

    return record


async def _send(keeper: ProcessIdentity, number: int) -> float | None:
    """Send a signal, and return when it was taken; None when the keeper is gone.

    Of two signals that wait the later one is taken first, so it is waited for.
    """
    if not identity.send(keeper, number):
        return None

    while _waits(keeper.pid, number):  # noqa: ASYNC110  there is no event for it
        await anyio.sleep(_POLL / 10)

    return anyio.current_time()


def _is_late(asked_at: float, keeper: ProcessIdentity) -> bool:
    """Whether an orchestrator should have recorded by now what its keeper has done."""
    return anyio.current_time() > asked_at + _PATIENCE and identity.alive(keeper)


def _waits(pid: int, number: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False

    pending = status.partition("\nShdPnd:")[2].split(None, 1)
    return bool(pending) and bool(int(pending[0], 16) >> (number - 1) & 1)


def _turned(state: Running | Frozen) -> Running | Frozen:
    return thaw(state) if isinstance(state, Frozen) else freeze(state, datetime.now(UTC))


def _is_overdue(record: AgentRecord, seconds: float = _PATIENCE) -> bool:
    """Whether its end has been on disk for so long that whoever should record it does not."""
    if not isinstance(record.state, Kept) or identity.alive(record.state.keeper):
        return False

    try:
        written = record.files.outcome.stat().st_mtime
    except OSError:
        return False

    return not 0 <= time.time() - written <= seconds


def _ask(
    registry: Registry,
    agent_id: AgentId,
    state: Running | Frozen | Stopping,
    reason: str,
    *,
    kill: bool,
) -> AgentRecord:
    if not identity.alive(state.keeper):
        # Its end is on disk, or lost: either way it did not come of this request.
        return registry.agents.get(agent_id)

    if isinstance(state, Running | Frozen):
        state = begin_stop(state, datetime.now(UTC), reason)

    try:
        return registry.agents.set_state(agent_id, state)
    except RegistryError as error:
        logger.warning("agent %s is stopped, which cannot be recorded: %s", agent_id, error)
        return registry.agents.get(agent_id)
    finally:
        identity.send(state.keeper, signal.SIGQUIT if kill else signal.SIGTERM)
        identity.send(state.keeper, signal.SIGCONT)
