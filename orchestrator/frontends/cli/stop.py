"""``orchestrator stop``: ends agents from outside, whoever launched them."""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from orchestrator.errors import NotFoundError, OrchestratorError
from orchestrator.model import Exited, Frozen, Lost, Running, Stopping
from orchestrator.process.identity import alive
from orchestrator.providers import default_providers
from orchestrator.supervision import Changes, stop_anywhere
from orchestrator.supervision.family import close_gate
from orchestrator.supervision.reconcile import Reconciler, abandoned, is_ownerless
from orchestrator.tasks import open_projector

from . import words
from .workspace import find_agent, open_existing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.config import Settings
    from orchestrator.model import AgentId, AgentRecord, OrchestratorId
    from orchestrator.registry import Registry


def stop(
    settings: Settings,
    names: Sequence[str],
    *,
    everyone: bool,
    kill: bool,
    family: bool,
    reason: str,
    as_json: bool,
) -> int:
    """Stop agents side by side, and say of each what was done.

    Returns:
        The exit status: 1 when one of them could not be stopped.

    Raises:
        NotFoundError: There is no workspace, or no such agent; nothing was stopped.
        RegistryError: The workspace cannot be used.
    """
    cut_off: set[OrchestratorId] = set()
    with open_existing(settings) as registry:
        if everyone:
            runs = registry.orchestrators.all(open_only=True)
            cut_off = {run.id for run in runs if abandoned(run, registry)}
            chosen = registry.agents.find(live=True)
        else:
            chosen = _named(registry, names)

        if family:
            # Nothing can be launched below them from here on.
            closed = [each for one in chosen for each in close_gate(one.id, registry)]
            chosen = list({record.id: record for record in (*chosen, *closed)}.values())

        before = {record.id: record.live for record in chosen}
        settle = bool(cut_off) or any(
            record.live and is_ownerless(record, registry) for record in chosen
        )
        after = anyio.run(
            partial(_stop_all, registry, settings, chosen, reason=reason, kill=kill, settle=settle)
        )
        cut_off -= {run.id for run in registry.orchestrators.all(open_only=True)}

    reports = [
        report_of(agent_id, one, was_live=before[agent_id]) for agent_id, one in after.items()
    ]
    if as_json:
        sys.stdout.write(json.dumps(reports, indent=2) + "\n")
    else:
        _print(settings, reports, settled=len(cut_off))

    return 0 if all(report["stopped"] for report in reports) else 1


def _print(settings: Settings, reports: Sequence[dict[str, Any]], *, settled: int) -> None:
    for report in reports:
        sys.stdout.write(f"{report['id']}  {report['said']}\n")

    if not reports:
        rest = "" if settled else "; there is nothing to stop"
        sys.stdout.write(f"No agent is live in {settings.workspace}{rest}.\n")

    if settled:
        was = "was" if settled == 1 else "were"
        sys.stdout.write(
            f"{words.orchestrators(settled)} that {was} cut off {was} settled: "
            "nothing is left open on record.\n"
        )


def _named(registry: Registry, names: Sequence[str]) -> list[AgentRecord]:
    """Return the agents of these names, each once."""
    try:
        found = [find_agent(registry, name) for name in names]
    except NotFoundError as error:
        raise NotFoundError(f"{error}; nothing was stopped") from None

    return list({record.id: record for record in found}.values())


async def _stop_all(
    registry: Registry,
    settings: Settings,
    chosen: Sequence[AgentRecord],
    *,
    reason: str,
    kill: bool,
    settle: bool,
) -> dict[AgentId, AgentRecord | OrchestratorError]:
    ends: dict[AgentId, AgentRecord | OrchestratorError] = {}

    async def stop_one(agent_id: AgentId) -> None:
        try:
            ends[agent_id] = await stop_anywhere(
                reconciler, registry, agent_id, reason=reason, kill=kill
            )
        except OrchestratorError as error:
            ends[agent_id] = error

    async with (
        open_projector(registry, settings) as projector,
        anyio.create_task_group() as group,
    ):
        changes = Changes(projector.agent_changed)
        reconciler = Reconciler(registry, default_providers(settings), changes)
        if settle:
            # Nobody else is there to record the ends of agents whose orchestrator was killed.
            group.start_soon(reconciler.once)

        for record in chosen:
            group.start_soon(stop_one, record.id)

    return {record.id: ends[record.id] for record in chosen}


def report_of(
    agent_id: AgentId, end: AgentRecord | OrchestratorError, *, was_live: bool
) -> dict[str, Any]:
    """Say what became of a stop.

    Args:
        agent_id: Which agent was to be stopped.
        end: The agent afterwards, or why it could not be asked.
        was_live: It was, before.
    """
    if isinstance(end, OrchestratorError):
        return {
            "id": agent_id,
            "stopped": False,
            "said": str(end),
            "receipt": None,
        }

    stopped, said = _say(end, was_live=was_live)
    receipt = end.state.outcome.receipt if isinstance(end.state, Exited) else None
    return {
        "id": end.id,
        "status": end.state.outcome.verdict if isinstance(end.state, Exited) else end.state.kind,
        "was_live": was_live,
        "stopped": stopped,
        "said": said,
        "receipt": receipt.model_dump(mode="json") if receipt else None,
    }


def _say(record: AgentRecord, *, was_live: bool) -> tuple[bool, str]:
    match record.state:
        case Exited() if not was_live:
            return True, f"had ended already: {words.ending(record)}"
        case Exited(outcome=outcome):
            done = words.cleaning(outcome, why=True) or "ended by itself meanwhile"
            survivors = outcome.receipt.survivors if outcome.receipt else ()
            told = done.startswith("was stopped")
            return not survivors, done if told else f"{outcome.verdict}: {done}"
        case Lost(reason=reason, swept=swept):
            return True, f"lost: {reason}; swept {words.processes(len(swept))}, left: none"
        case Running(keeper=keeper) | Frozen(keeper=keeper) | Stopping(keeper=keeper) if not alive(
            keeper
        ):
            return True, "was stopped; its end cannot be recorded at present, the next start does"
        case _:
            return False, (
                "could not be stopped in time: its end is not on record; "
                "`orchestrator ps` shows it, `--kill` skips every grace"
            )
