"""The runs of orchestrators, as they are stored."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from orchestrator.errors import NotFoundError, RegistryError
from orchestrator.model import OrchestratorRecord

from .codec import decode, encode
from .rows import RunRow
from .table import Table, mended

if TYPE_CHECKING:
    from datetime import datetime

    from orchestrator.model import OrchestratorId


class Orchestrators(Table):
    """Every run of an orchestrator in this workspace."""

    @mended
    def add(self, record: OrchestratorRecord) -> None:
        """Store a run of this process.

        Raises:
            RegistryError: Its id is in use.
        """
        text = encode(record)
        with self.database.write() as connection:
            try:
                connection.execute(
                    "INSERT INTO orchestrators (id, open, record) VALUES (?, ?, ?)",
                    RunRow.of(record, text),
                )
            except sqlite3.IntegrityError as error:
                raise RegistryError(
                    f"There is an orchestrator {record.id} already; take a new id"
                ) from error

        self.memory.keep_run(text, record, own=True)

    def find(self, orchestrator_id: OrchestratorId) -> OrchestratorRecord | None:
        """Return the run, or None when there is none of this id."""
        rows = self.database.rows(
            "SELECT record FROM orchestrators WHERE id = ?", (orchestrator_id,)
        )
        return self._read(rows[0][0]) if rows else None

    def all(self, *, open_only: bool = False) -> list[OrchestratorRecord]:
        """Return the runs, oldest first.

        Args:
            open_only: Leave out those whose shutdown is done; what stays either lives or ended
                without being able to say so.
        """
        rows = self.database.rows(
            "SELECT record FROM orchestrators WHERE open >= ? ORDER BY sequence",
            (int(open_only),),
        )
        return [self._read(text) for (text,) in rows]

    def begin_shutdown(
        self, orchestrator_id: OrchestratorId, reason: str, at: datetime
    ) -> OrchestratorRecord:
        """Record that its shutdown began; the first reason stays.

        Raises:
            NotFoundError: There is no such run.
        """
        return self._change(orchestrator_id, {"shutdown_began_at": at, "shutdown_reason": reason})

    def finish_shutdown(self, orchestrator_id: OrchestratorId, at: datetime) -> OrchestratorRecord:
        """Record that the last outcome of its agents is in; the first time stays.

        Raises:
            NotFoundError: There is no such run.
        """
        return self._change(orchestrator_id, {"shutdown_done_at": at})

    @mended
    def _change(
        self, orchestrator_id: OrchestratorId, changes: dict[str, datetime | str]
    ) -> OrchestratorRecord:
        """Fill in fields, unless the first of them is filled in already."""
        with self.database.write() as connection:
            record = self.find(orchestrator_id)
            if record is None and orchestrator_id == self.memory.own_run:
                raise self.database.damaged(f"has lost the run {orchestrator_id}")

            if record is None:
                raise NotFoundError(f"Orchestrator {orchestrator_id} not found")

            if getattr(record, next(iter(changes))) is not None:
                return record

            record = record.model_copy(update=changes)
            text = encode(record)
            connection.execute(
                "UPDATE orchestrators SET open = ?, record = ? WHERE id = ?",
                (record.shutdown_done_at is None, text, orchestrator_id),
            )

        self.memory.keep_run(text, record)
        return record

    def _read(self, text: str) -> OrchestratorRecord:
        record = decode(OrchestratorRecord, text)
        self.memory.keep_run(text, record)
        return record
