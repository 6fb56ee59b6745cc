"""The rows of agents in ``get_real_task_status``, each made once for as long as it is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from orchestrator.model import Exited
from orchestrator.registry.status import agent_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.model import AgentId, AgentRecord, ProgressEntry, StopReceipt
    from orchestrator.model.activity import Activity

T = TypeVar("T")

#: Agents whose rows are kept, at 3 kB each: as many as the registry keeps of those that have ended.
_KEPT: Final = 2_000


class _Row(NamedTuple):
    """A row, and all that it was made of."""

    record: AgentRecord
    latest: ProgressEntry | None
    shown: Mapping[str, Any]


class _Seen(NamedTuple):
    """What an agent was seen doing, and how that is shown."""

    activity: Activity
    shown: Mapping[str, Any]


class AgentRows:
    """Makes rows, and remembers the newest ones with what they were made of.

    A task of a thousand agents is asked for again and again while two or three of them change, and
    most of the cost of an answer was to say the same of all the others.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        """Remember the rows of so many agents."""
        self._kept = kept
        self._rows: dict[AgentId, _Row] = {}
        self._seen: dict[AgentId, _Seen] = {}

    def row(
        self, record: AgentRecord, latest: ProgressEntry | None, activity: Activity | None
    ) -> Mapping[str, Any]:
        """Return the row of an agent, which is not to be changed.

        Args:
            record: The agent. The same object stands for the same content: it is frozen.
            latest: Its last report of progress, if it made one.
            activity: What it was seen doing, if it lives and somebody looked.
        """
        row = self._rows.get(record.id)
        if row is None or row.record is not record or row.latest != latest:
            row = _Row(record, latest, _made(record, latest))
            _keep(self._rows, record.id, row, self._kept)

        if not record.live:
            self._seen.pop(record.id, None)
            return row.shown

        if activity is None:
            return row.shown

        seen = self._seen.get(record.id)
        if seen is None or seen.activity is not activity:
            seen = _Seen(activity, activity.model_dump(mode="json"))
            _keep(self._seen, record.id, seen, self._kept)

        return {**row.shown, "activity": seen.shown}


def receipt(stop: StopReceipt | None) -> dict[str, Any] | None:
    """Return a stop receipt as JSON."""
    return None if stop is None else stop.model_dump(mode="json")


def _keep(kept: dict[AgentId, T], agent_id: AgentId, one: T, most: int) -> None:
    """Put it in as the newest, and let the oldest go."""
    kept.pop(agent_id, None)
    kept[agent_id] = one
    if len(kept) > most:
        del kept[next(iter(kept))]


def _made(record: AgentRecord, latest: ProgressEntry | None) -> dict[str, Any]:
    row = agent_row(record, latest)
    row["state"] = record.state.kind
    if isinstance(record.state, Exited):
        outcome = record.state.outcome
        row["exit"] = str(outcome.exit)
        row["receipt"] = receipt(outcome.receipt)
        if outcome.limit is not None:
            row["limit"] = outcome.limit

        row["left_behind"] = [note.model_dump() for note in outcome.left_behind]
        if outcome.result is not None:
            row["result"] = outcome.result.model_dump(exclude_none=True)

    return row
