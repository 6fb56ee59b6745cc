"""Watching one agent: what its keeper says becomes what is on record."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from orchestrator.config import COOKIE_VARIABLE
from orchestrator.errors import OrchestratorError
from orchestrator.model import (
    Exited,
    Frozen,
    Kept,
    Lost,
    Running,
    Stopping,
    begin_stop,
    freeze,
    thaw,
)
from orchestrator.process.cgroup_base import recorded_group
from orchestrator.process.identity import alive, boot_id
from orchestrator.process.messages import moment, read_keeper_exit, read_report
from orchestrator.process.record import PART
from orchestrator.process.sweep import sweep
from orchestrator.registry.atomic import read_regular

from .verdict import conclude

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.model import AgentRecord, AgentState, ProcessIdentity
    from orchestrator.process.launcher import Launcher
    from orchestrator.process.link import KeeperLink
    from orchestrator.process.messages import KeeperReport
    from orchestrator.providers import Provider
    from orchestrator.registry import Registry

    from .agent import Agent
    from .changes import Changes
    from .recorder import Recorder

logger = logging.getLogger(__name__)


class Watcher:
    """Records what keepers say of their agents."""

    def __init__(
        self,
        registry: Registry,
        launcher: Launcher,
        providers: Mapping[str, Provider],
        changes: Changes,
        recorder: Recorder,
    ) -> None:
        """Record here, ask these, and tell of every change."""
        self._registry = registry
        self._recorder = recorder
        self._launcher = launcher
        self._providers = providers
        self._changes = changes

    async def watch(self, agent: Agent, link: KeeperLink) -> bool:
        """Listen to an agent's keeper until all of the agent is accounted for.

        Returns:
            False when the agent goes on, under another orchestrator.
        """
        report = None
        while report is None and (message := await link.next_message()) is not None:
            report = self._take(agent, message)

        report = report or read_outcome_file(agent.record)
        if report is not None:
            self.record(agent, final_state(agent.record, report, self._providers))
        elif agent.record.durable and is_kept(agent.record):
            logger.warning("agent %s goes on under another orchestrator", agent.id)
            return False
        else:
            self.record(agent, await self._lose(agent.record, link))

        log_end(agent.record)
        return True

    def _take(self, agent: Agent, message: dict[str, Any]) -> KeeperReport | None:
        """Record what a keeper says; returns its last word, when this is it."""
        match message["event"]:
            case "stopping":
                self._note_stopping(agent, message)
            case "exited":
                self._note_exit(agent, message)
            case "frozen" | "thawed":
                self._note_freeze(agent, message)
            case "warning":
                logger.warning("agent %s: %s", agent.id, message["said"])
            case "ended":
                return read_report(message["outcome"])
            case _:
                logger.debug("agent %s: its keeper said %r", agent.id, message)

        return None

    async def _lose(self, record: AgentRecord, link: KeeperLink) -> Lost:
        """Find out what is left of an agent whose keeper was killed."""
        swept = None
        if isinstance(record.state, Kept) and link.nursery is not None:
            keeper = record.state.keeper.pid
            swept = await self._launcher.swept_after(keeper, link.nursery)

        state = await bury(record, "its keeper was killed", born=leader_of(record))
        return state.model_copy(update={"swept": (*(swept or ()), *state.swept)})

    def _note_stopping(self, agent: Agent, message: dict[str, Any]) -> None:
        # Another orchestrator, or a command, may have asked: then the reason is on record.
        state = self._on_record(agent).state
        if isinstance(state, Running | Frozen):
            state = begin_stop(state, moment(message["at"]), message["reason"])

        self.record(agent, state)

    def _note_exit(self, agent: Agent, message: dict[str, Any]) -> None:
        news = read_keeper_exit(message)
        state = agent.record.state
        if isinstance(state, Running | Frozen):
            reason = "left behind by its agent"
            state = begin_stop(state, news.at, reason, exit=news.exit, requested=False)
        elif isinstance(state, Stopping):
            state = state.model_copy(update={"exit": news.exit})

        self.record(agent, state)
        agent.note_exit()

    def _note_freeze(self, agent: Agent, message: dict[str, Any]) -> None:
        state = agent.record.state
        if isinstance(state, Running) and message["event"] == "frozen":
            self.record(agent, freeze(state, moment(message["at"])))
        elif isinstance(state, Frozen) and message["event"] == "thawed":
            self.record(agent, thaw(state))

    def _on_record(self, agent: Agent) -> AgentRecord:
        try:
            return self._registry.agents.get(agent.id)
        except OrchestratorError as error:
            logger.warning("agent %s: what is on record cannot be read: %s", agent.id, error)
            return agent.record

    def record(self, agent: Agent, state: AgentState) -> None:
        """Record the next state of an agent, now or when that is possible, and tell of it."""
        agent.update(self._recorder.record(agent.id, state, agent.record))
        self._changes.tell(agent.record)


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

    provider = providers.get(record.provider)
    result = provider.read_result(record.files.stdout) if provider else None
    state = record.state
    reason = state.reason if isinstance(state, Stopping) and state.requested else None
    return Exited(at=report.ended_at, outcome=conclude(report, report.exit, result, reason=reason))


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
