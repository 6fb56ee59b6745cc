"""Watching one agent: what its keeper says becomes what is on record."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestrator.config import COOKIE_VARIABLE
from orchestrator.errors import RegistryError
from orchestrator.model import Exited, Lost, Running, Stopping
from orchestrator.process.identity import boot_id
from orchestrator.process.messages import moment, read_keeper_exit, read_report
from orchestrator.process.sweep import sweep

from .verdict import conclude

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.model import AgentRecord, AgentState, ProcessIdentity
    from orchestrator.process.launcher import Launcher
    from orchestrator.process.link import KeeperLink
    from orchestrator.process.messages import KeeperReport
    from orchestrator.providers import Provider
    from orchestrator.registry import Registry

    from .agent import Agent
    from .changes import Changes

logger = logging.getLogger(__name__)


class Watcher:
    """Records what keepers say of their agents."""

    def __init__(
        self,
        registry: Registry,
        launcher: Launcher,
        providers: Mapping[str, Provider],
        changes: Changes,
    ) -> None:
        """Record here, ask these, and tell of every change."""
        self._registry = registry
        self._launcher = launcher
        self._providers = providers
        self._changes = changes

    async def watch(self, agent: Agent, link: KeeperLink) -> None:
        """Listen to an agent's keeper until all of the agent is accounted for."""
        report = None
        while report is None and (message := await link.next_message()) is not None:
            match message["event"]:
                case "stopping":
                    self._note_stopping(agent, message)
                case "exited":
                    self._note_exit(agent, message)
                case _:
                    report = read_report(message["outcome"])

        report = report or read_outcome_file(agent.record)
        if report is not None:
            self._record(agent, final_state(agent.record, report, self._providers))
        else:
            self._record(agent, await self._lose(agent.record, link))

        log_end(agent.record)

    async def _lose(self, record: AgentRecord, link: KeeperLink) -> Lost:
        """Find out what is left of an agent whose keeper was killed."""
        keeper = record.state.keeper if isinstance(record.state, Running | Stopping) else None
        swept = await self._launcher.swept_after(keeper.pid, link.nursery) if keeper else None
        state = await bury(record, "its keeper was killed", born=leader_of(record))
        return state.model_copy(update={"swept": (*(swept or ()), *state.swept)})

    def _note_stopping(self, agent: Agent, message: dict[str, Any]) -> None:
        # Another orchestrator, or a command, may have asked: then the reason is on record.
        state = self._registry.agents.get(agent.id).state
        if isinstance(state, Running):
            state = Stopping(
                since=moment(message["at"]),
                reason=message["reason"],
                leader=state.leader,
                keeper=state.keeper,
            )

        self._record(agent, state)

    def _note_exit(self, agent: Agent, message: dict[str, Any]) -> None:
        news = read_keeper_exit(message)
        state = agent.record.state
        if isinstance(state, Running):
            state = Stopping(
                since=news.at,
                reason="left behind by its agent",
                leader=state.leader,
                keeper=state.keeper,
                exit=news.exit,
                requested=False,
            )
        elif isinstance(state, Stopping):
            state = state.model_copy(update={"exit": news.exit})

        self._record(agent, state)
        agent.note_exit()

    def _record(self, agent: Agent, state: AgentState) -> None:
        try:
            agent.record = self._registry.agents.set_state(agent.id, state)
        except RegistryError:
            # The agent stays under control; its keeper's file tells the next orchestrator.
            logger.exception("agent %s: cannot record that it is %s", agent.id, state.kind)
            agent.record = agent.record.model_copy(update={"state": state})

        self._changes.tell(agent.record)


def read_outcome_file(record: AgentRecord) -> KeeperReport | None:
    """Read what its keeper has written, if it has."""
    try:
        report = read_report(json.loads(record.files.outcome.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
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
        return Lost(at=now, reason="the machine was restarted" if born else reason)

    swept = await sweep(
        record.cookie,
        variable=COOKIE_VARIABLE,
        not_before=born.start_ticks,
        leader=leader_of(record),
        grace=record.stop.term_grace,
    )
    return Lost(at=datetime.now(UTC), reason=reason, swept=swept)


def leader_of(record: AgentRecord) -> ProcessIdentity | None:
    """The agent's own process, while it is known to have one."""
    return record.state.leader if isinstance(record.state, Running | Stopping) else None


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
