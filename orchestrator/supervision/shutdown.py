"""One shutdown: why it began, and how it went, in the log and on record."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchestrator.errors import OrchestratorError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.model import OrchestratorId
    from orchestrator.registry.orchestrators import Orchestrators

logger = logging.getLogger(__name__)


class Shutdown:
    """A shutdown that has begun.

    Attributes:
        reason: Why, in words.
        began: When, in monotonic seconds.
    """

    def __init__(self, reason: str, *, owner: OrchestratorId, runs: Orchestrators) -> None:
        """Take the time; nothing is recorded yet."""
        self.reason = reason
        self.began = time.monotonic()
        self._asked = 0
        self._owner = owner
        self._runs = runs

    def record_begin(self, agents: int, *, durable: int) -> None:
        """Say that so many agents have been asked to stop, and so many live on."""
        self._asked = agents
        logger.info("shutdown begun reason=%r agents=%d%s", self.reason, agents, _live_on(durable))
        try:
            self._runs.begin_shutdown(self._owner, self.reason, datetime.now(UTC))
        except OrchestratorError:
            logger.exception("the shutdown could not be recorded; it goes on")

    def record_end(self, *, unfinished: int, durable: int, ends: Mapping[str, int]) -> None:
        """Say how it went.

        Args:
            unfinished: Agents that are left to their keepers.
            durable: Agents that live on.
            ends: How many agents of the whole run ended in which way.
        """
        took_ms = (time.monotonic() - self.began) * 1000
        if unfinished:
            logger.warning(
                "shutdown goes on under the keepers reason=%r agents=%d unfinished=%d ms=%.0f%s",
                self.reason,
                self._asked,
                unfinished,
                took_ms,
                _live_on(durable),
            )
            return

        run = " ".join(f"{end}={count}" for end, count in sorted(ends.items()))
        logger.info(
            "shutdown done reason=%r agents=%d left=0 ms=%.0f%s%s",
            self.reason,
            self._asked,
            took_ms,
            _live_on(durable),
            f" (whole run: {run})" if run else "",
        )
        try:
            self._runs.finish_shutdown(self._owner, datetime.now(UTC))
        except OrchestratorError:
            logger.exception("the end of the shutdown could not be recorded")


def _live_on(durable: int) -> str:
    return f" durable={durable} live on" if durable else ""
