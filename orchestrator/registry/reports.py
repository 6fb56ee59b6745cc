"""What agents reported, as it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from orchestrator.model import AgentId, FindingEntry, ProgressEntry

from .codec import decode, encode, encode_foreign_data
from .table import Table, mended

if TYPE_CHECKING:
    from orchestrator.model import TaskId

E = TypeVar("E", ProgressEntry, FindingEntry)


class ReportCounts(NamedTuple):
    """How many reports there are."""

    progress: int
    findings: int


class Reports(Table):
    """Progress and findings, in the order in which they came in."""

    @mended
    def add_progress(self, entry: ProgressEntry) -> None:
        """Store a report of progress."""
        row = (entry.task_id, entry.agent_id, encode(entry))
        with self.database.write() as connection:
            sequence = connection.execute(
                "INSERT INTO progress (task_id, agent_id, record) VALUES (?, ?, ?)", row
            ).lastrowid
            connection.execute(
                "INSERT OR REPLACE INTO latest_progress (task_id, agent_id, sequence) "
                "VALUES (?, ?, ?)",
                (entry.task_id, entry.agent_id, sequence),
            )

    @mended
    def add_finding(self, entry: FindingEntry) -> None:
        """Store a finding.

        Raises:
            InvalidInputError: Its data is nested too deeply to be read back.
        """
        row = (entry.task_id, entry.agent_id, encode_foreign_data(entry))
        with self.database.write() as connection:
            connection.execute(
                "INSERT INTO findings (task_id, agent_id, record) VALUES (?, ?, ?)", row
            )

    def progress(
        self, task_id: TaskId, *, agent_id: AgentId | None = None, newest: int | None = None
    ) -> list[ProgressEntry]:
        """Return reports of progress, oldest first.

        Args:
            task_id: Of this task.
            agent_id: Of this agent; None for all.
            newest: Only so many, the last ones; None for all.
        """
        return self._read(ProgressEntry, "progress", task_id, agent_id, newest)

    def findings(
        self, task_id: TaskId, *, agent_id: AgentId | None = None, newest: int | None = None
    ) -> list[FindingEntry]:
        """Return findings, oldest first; the arguments are those of `progress`."""
        return self._read(FindingEntry, "findings", task_id, agent_id, newest)

    def latest_progress(self, task_id: TaskId) -> dict[AgentId, ProgressEntry]:
        """Return the last report of each agent that reported on the task."""
        rows = self.database.rows(
            "SELECT latest_progress.agent_id, record FROM latest_progress "
            "JOIN progress USING (sequence) WHERE latest_progress.task_id = ?",
            (task_id,),
        )
        return {AgentId(agent): decode(ProgressEntry, text) for agent, text in rows}

    def counts(self, task_id: TaskId) -> ReportCounts:
        """Return how many reports there are on the task."""
        rows = self.database.rows(
            "SELECT (SELECT count(*) FROM progress WHERE task_id = ?1), "
            "(SELECT count(*) FROM findings WHERE task_id = ?1)",
            (task_id,),
        )
        return ReportCounts(*rows[0])

    def _read(
        self,
        kind: type[E],
        table: str,
        task_id: TaskId,
        agent_id: AgentId | None,
        newest: int | None,
    ) -> list[E]:
        agent = "" if agent_id is None else "AND agent_id = ? "
        rows = self.database.rows(
            f"SELECT record FROM {table} WHERE task_id = ? {agent}"  # noqa: S608  our own names
            "ORDER BY sequence DESC LIMIT ?",
            (
                task_id,
                *(() if agent_id is None else (agent_id,)),
                -1 if newest is None else max(newest, 0),
            ),
        )
        return [decode(kind, text) for (text,) in reversed(rows)]
