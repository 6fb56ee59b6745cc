"""The end of an agent, with its keeper or without: read, concluded, swept, cleared away, logged."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from orchestrator.config import COOKIE_VARIABLE
from orchestrator.model import Exited, Kept, Lost, Stopping
from orchestrator.process.cgroup_base import recorded_group
from orchestrator.process.identity import alive, boot_id
from orchestrator.process.messages import read_report
from orchestrator.process.record import PART
from orchestrator.process.sweep import sweep
from orchestrator.registry.atomic import read_regular

from .verdict import conclude

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.model import AgentRecord, ProcessIdentity, ProviderResult
    from orchestrator.process.messages import KeeperReport
    from orchestrator.providers import Provider

logger = logging.getLogger(__name__)

#: Bytes of an outcome: it names each process that was there.
_OUTCOME_MAX: Final = 16 * 1024 * 1024


def is_kept(record: AgentRecord) -> bool:
    """Whether its keeper lives."""
    return isinstance(record.state, Kept) and alive(record.state.keeper)


def read_outcome_file(record: AgentRecord) -> KeeperReport | None:
    """Read what its keeper has written, if it has."""
    try:
        report = read_report(json.loads(read_regular(record.files.outcome, _OUTCOME_MAX)))
    except FileNotFoundError:
        return None
    except Exception:  # noqa: BLE001  an agent can put anything in its place
        logger.warning("agent %s: cannot read %s", record.id, record.files.outcome)
        return None

    return report if report.agent_id == record.id else None


def final_state(
    record: AgentRecord, report: KeeperReport, providers: Mapping[str, Provider]
) -> Exited | Lost:
    """Make the last state of a keeper's report and what the CLI said."""
    if report.exit is None:
        survivors = report.receipt.survivors if report.receipt else ()
        names = ", ".join(f"{note.pid} {note.name}" for note in survivors)
        return Lost(at=report.ended_at, reason=f"SIGKILL did not end it; survivors: {names}")

    result = _read_result(record, providers)
    state = record.state
    reason = state.reason if isinstance(state, Stopping) and state.requested else None
    return Exited(at=report.ended_at, outcome=conclude(report, report.exit, result, reason=reason))


def _read_result(record: AgentRecord, providers: Mapping[str, Provider]) -> ProviderResult | None:
    provider = providers.get(record.provider)
    try:
        return provider.read_result(record.files.stdout) if provider else None
    except Exception:
        # Anybody may have written it, and an agent prints what it likes.
        logger.exception(
            "agent %s: its provider cannot read what its CLI printed in the end", record.id
        )
        return None


async def bury(record: AgentRecord, reason: str, *, born: ProcessIdentity | None) -> Lost:
    """Sweep what is left of an agent that has no keeper any more, and say what was found.

    Args:
        record: The agent.
        reason: How it got lost, in words.
        born: Its leader; or, when that is not known, a process that is older than the agent.
            Nothing that is older is touched, and nothing at all after a restart of the machine.
    """
    now = datetime.now(UTC)
    if born is None or born.boot_id != boot_id():
        return Lost(at=now, reason="the machine or its container was restarted" if born else reason)

    swept = await sweep(
        record.cookie,
        variable=COOKIE_VARIABLE,
        not_before=born.start_ticks,
        leader=leader_of(record),
        grace=record.stop.term_grace,
        cgroup=recorded_group(cgroup_of(record), record.id),
    )
    return Lost(at=datetime.now(UTC), reason=reason, swept=swept)


def leader_of(record: AgentRecord) -> ProcessIdentity | None:
    """The agent's own process, while it is known to have one."""
    return record.state.leader if isinstance(record.state, Kept) else None


def cgroup_of(record: AgentRecord) -> str | None:
    """The folder of its control group, while it is known to have one."""
    return record.state.cgroup if isinstance(record.state, Kept) else None


def part_of(record: AgentRecord) -> Path:
    """The room that its keeper reserves for the outcome, until that is written."""
    return record.files.outcome.with_name(record.files.outcome.name + PART)


def clear_away(record: AgentRecord) -> None:
    """Remove what lay beside an agent's files for as long as it lived."""
    files = record.files
    for path in (files.address, files.mcp_config, files.door, part_of(record)):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            logger.debug("agent %s: cannot remove %s: %s", record.id, path, error)


def log_end(record: AgentRecord) -> None:
    """Write the one line that says how an agent ended."""
    match record.state:
        case Exited(outcome=outcome):
            receipt = outcome.receipt
            logger.info(
                "agent %s %s: %s, ran %.3f s%s",
                record.id,
                outcome.verdict,
                outcome.exit,
                (outcome.exited_at - record.created_at).total_seconds(),
                f"; stopped {len(receipt.signalled)}, killed {len(receipt.killed)}, "
                f"survivors {len(receipt.survivors)}, {receipt.duration_ms:.0f} ms"
                f" ({receipt.reason!r})"
                if receipt
                else "",
            )
        case Lost(reason=reason, swept=swept):
            logger.warning("agent %s lost: %s; swept %d processes", record.id, reason, len(swept))
        case _:
            return
