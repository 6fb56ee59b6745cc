"""Looking at many agents from async code: within bounds, and not more often than is of use."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import anyio
from anyio import to_thread

from orchestrator.errors import OrchestratorError

from .activity import APART_MIN, measure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.model import AgentId, AgentRecord
    from orchestrator.model.activity import Activity
    from orchestrator.model.states import AgentState
    from orchestrator.providers import Provider

#: Seconds for which a look serves everyone who asks.
FRESH: Final = 1.0

#: Seconds of measuring for one call; who comes after that is looked at without its processes.
AT_MOST: Final = 0.5

#: Seconds after which a call goes without an answer: a file system hangs.
PATIENCE: Final = 3.0

#: Seconds after which a look is forgotten.
_FORGET: Final = 600.0


class _Look(NamedTuple):
    """A look at one agent.

    Attributes:
        when: By `time.monotonic`.
        state: The agent's state then.
        activity: What was seen.
        base: The last look that saw its processes, which the next one is put beside.
        whole_at: When that was.
    """

    when: float
    state: AgentState
    activity: Activity
    base: Activity | None
    whole_at: float


class Observer:
    """Remembers the last look at each agent, so that the next one tells what happened since."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        *,
        fresh: float = FRESH,
        at_most: float = AT_MOST,
        patience: float = PATIENCE,
    ) -> None:
        """Ask these providers for open tool calls.

        Args:
            providers: The agent CLIs by name.
            fresh: Seconds for which a look is given again instead of a new one; at least as
                many as two looks must be apart to say something about the CPU.
            at_most: Seconds of measuring for one call.
            patience: Seconds after which a call goes without an answer.
        """
        self._providers = providers
        self._fresh = max(fresh, APART_MIN)
        self._at_most = at_most
        self._patience = patience
        self._looks: dict[AgentId, _Look] = {}
        self._turn = anyio.Lock()
        # Held by the thread that measures: while one hangs, no other joins it.
        self._measuring = threading.Lock()

    async def look(self, records: Sequence[AgentRecord]) -> dict[AgentId, Activity]:
        """Look at agents, in a worker thread.

        Measures for `at_most` seconds. Whoever is left by then, those that were seen last of
        all, is looked at without its processes, and comes first the next time.

        Returns:
            What was seen, at most `fresh` seconds ago. When a file system hangs, what was seen
            before that, and nothing of those that were never seen.
        """
        with anyio.move_on_after(self._patience):
            async with self._turn:
                await self._renew([one for one in records if not self._is_fresh(one)])

        known = {record.id: self._looks.get(record.id) for record in records}
        return {name: look.activity for name, look in known.items() if look is not None}

    async def look_at(self, record: AgentRecord) -> Activity:
        """Look at one agent.

        Raises:
            OrchestratorError: A file system hangs, and it was never seen before.
        """
        seen = await self.look([record])
        if record.id not in seen:
            raise OrchestratorError(
                f"agent {record.id} could not be looked at within {self._patience:.0f} s; "
                f"see whether the disk with {record.files.stdout} answers",
                agent_id=record.id,
            )

        return seen[record.id]

    def _is_fresh(self, record: AgentRecord) -> bool:
        look = self._looks.get(record.id)
        return (
            look is not None
            and look.state == record.state
            and time.monotonic() - look.when < self._fresh
        )

    async def _renew(self, records: list[AgentRecord]) -> None:
        if not records:
            return

        former = {record.id: self._looks.get(record.id) for record in records}

        def seen_last(record: AgentRecord) -> float:
            look = former[record.id]
            return -math.inf if look is None else look.whole_at

        until = time.monotonic() + self._at_most
        found = await to_thread.run_sync(
            self._measure_all,
            sorted(records, key=seen_last),
            former,
            until,
            abandon_on_cancel=True,
        )
        now = time.monotonic()
        kept = {name: look for name, look in self._looks.items() if now - look.when < _FORGET}
        self._looks = kept | found

    def _measure_all(
        self,
        records: Sequence[AgentRecord],
        former: Mapping[AgentId, _Look | None],
        until: float,
    ) -> dict[AgentId, _Look]:
        """Look at agents, in a worker thread; at nobody while another one does."""
        found: dict[AgentId, _Look] = {}
        if not self._measuring.acquire(blocking=False):
            return found

        try:
            for record in records:
                found[record.id] = self._measure(record, former[record.id], until)
        finally:
            self._measuring.release()

        return found

    def _measure(self, record: AgentRecord, former: _Look | None, until: float) -> _Look:
        base = None if former is None else former.base
        seen = measure(record, self._providers, base, until=until)
        now = time.monotonic()
        if seen.process_count is not None:
            return _Look(now, record.state, seen, seen, now)

        whole_at = -math.inf if former is None else former.whole_at
        return _Look(now, record.state, seen, base, whole_at)
