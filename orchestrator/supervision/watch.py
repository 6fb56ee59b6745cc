"""Watching one agent: what its keeper says becomes what is on record."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from orchestrator.errors import OrchestratorError
from orchestrator.model import Frozen, Kept, Lost, Running, Stopping, begin_stop, freeze, thaw
from orchestrator.process.messages import moment, read_keeper_exit, read_report

from .ending import bury, final_state, is_kept, leader_of, log_end, read_outcome_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.model import AgentRecord, AgentState
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
                if not message["recorded"]:
                    logger.warning(
                        "agent %s: its keeper could not write %s",
                        agent.id,
                        agent.record.files.outcome,
                    )

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
        state = self.on_record(agent).state
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

    def on_record(self, agent: Agent) -> AgentRecord:
        """Return what is on record of an agent; what is known here where that cannot be read."""
        try:
            return self._registry.agents.get(agent.id)
        except OrchestratorError as error:
            logger.warning("agent %s: what is on record cannot be read: %s", agent.id, error)
            return agent.record

    def record(self, agent: Agent, state: AgentState) -> None:
        """Record the next state of an agent, now or when that is possible, and tell of it."""
        agent.update(self._recorder.record(agent.id, state, agent.record))
        self._changes.tell(agent.record)
