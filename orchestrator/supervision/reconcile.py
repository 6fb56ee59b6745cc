"""Making registry and reality agree at a start: what dead orchestrators have left half done.

For each agent whose orchestrator is gone: when its keeper still lives, the keeper is finishing a
stop and is waited for; when the keeper has written how the agent ended, that is recorded; and
otherwise what is left of the agent is swept, and it is recorded as lost.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio

from orchestrator.errors import OrchestratorError
from orchestrator.model import ProcessIdentity, Running, Stopping
from orchestrator.process.identity import alive, wait_gone
from orchestrator.process.overrule import overrule

from .watch import bury, final_state, leader_of, log_end, read_outcome_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.model import AgentRecord, OrchestratorRecord
    from orchestrator.providers import Provider
    from orchestrator.registry import Registry

    from .changes import Changes

logger = logging.getLogger(__name__)


async def reconcile(
    registry: Registry, providers: Mapping[str, Provider], changes: Changes
) -> None:
    """Finish what orchestrators that have ended left open."""
    async with anyio.create_task_group() as group:
        for owner in registry.orchestrators.all(open_only=True):
            if abandoned(owner):
                group.start_soon(_close, owner, registry, providers, changes)


async def keep_reconciled(
    registry: Registry, providers: Mapping[str, Provider], changes: Changes
) -> None:
    """Do so at once, then wait for the orchestrators that live now, and settle what each leaves.

    Goes on for as long as one of them lives; those of this process are left to themselves.
    """
    async with anyio.create_task_group() as group:
        for owner in registry.orchestrators.all(open_only=True):
            if owner.pid != os.getpid() or abandoned(owner):
                group.start_soon(_close_after, owner, registry, providers, changes)


async def _close_after(
    owner: OrchestratorRecord,
    registry: Registry,
    providers: Mapping[str, Provider],
    changes: Changes,
) -> None:
    if not abandoned(owner):
        await wait_gone(_identity(owner))

    current = registry.orchestrators.find(owner.id)
    if current is not None and current.shutdown_done_at is None:
        await _close(current, registry, providers, changes)


def abandoned(owner: OrchestratorRecord) -> bool:
    """Whether nobody may be left to record the ends of its agents.

    It has ended, or is ending: a run that does not wait for its keepers can be over while its
    process, that of a program which uses the library, goes on.
    """
    return owner.shutdown_began_at is not None or not orchestrator_lives(owner)


def orchestrator_lives(owner: OrchestratorRecord) -> bool:
    """Whether this run still goes on."""
    return alive(_identity(owner))


def _identity(owner: OrchestratorRecord) -> ProcessIdentity:
    return ProcessIdentity(pid=owner.pid, start_ticks=owner.start_ticks, boot_id=owner.boot_id)


async def _close(
    owner: OrchestratorRecord,
    registry: Registry,
    providers: Mapping[str, Provider],
    changes: Changes,
) -> None:
    agents = registry.agents.find(owner=owner.id, live=True)
    async with anyio.create_task_group() as group:
        for record in agents:
            group.start_soon(_settle, record, owner, registry, providers, changes)

    began = owner.shutdown_reason
    registry.orchestrators.finish_shutdown(owner.id, datetime.now(UTC))
    logger.info(
        "orchestrator %s pid=%d %s; settled agents=%d",
        owner.id,
        owner.pid,
        f"was cut off in its shutdown ({began})" if began else "was killed",
        len(agents),
    )


async def _settle(
    record: AgentRecord,
    owner: OrchestratorRecord,
    registry: Registry,
    providers: Mapping[str, Provider],
    changes: Changes,
) -> None:
    if isinstance(record.state, Running | Stopping):
        await overrule(record.state.keeper, after=record.stop.longest + record.stop.kill_limit)

    try:
        record = registry.agents.get(record.id)
        report = read_outcome_file(record)
        if report is None:
            born = leader_of(record) or _identity(owner)
            lost = await bury(record, "its orchestrator and its keeper were killed", born=born)
            # A keeper that was never recorded may have finished its stop meanwhile.
            report = read_outcome_file(record)
            state = final_state(record, report, providers) if report else lost
        else:
            state = final_state(record, report, providers)

        record = registry.agents.set_state(record.id, state)
        changes.tell(record)
        log_end(record)
    except OrchestratorError:
        logger.exception("agent %s could not be reconciled", record.id)
