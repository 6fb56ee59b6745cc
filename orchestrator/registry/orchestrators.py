"""The runs of orchestrators, as they are stored."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from orchestrator.errors import NotFoundError, RegistryError
from orchestrator.model import OrchestratorRecord

from .codec import decode, encode

if TYPE_CHECKING:
    from datetime import datetime

    from orchestrator.model import OrchestratorId

    from .database import Database


class Orchestrators:
    """Every run of an orchestrator in this workspace."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def add(self, record: OrchestratorRecord) -> None:
        """Store a run.

        Raises:
            RegistryError: Its id is in use.
        """
        with self._database.write() as connection:
            try:
                connection.execute(
                    "INSERT INTO orchestrators (id, open, record) VALUES (?, ?, ?)",
                    (record.id, record.shutdown_done_at is None, encode(record)),
                )
            except sqlite3.IntegrityError as error:
                raise RegistryError(
                    f"There is an orchestrator {record.id} already; take a new id"
                ) from error

    def find(self, orchestrator_id: OrchestratorId) -> OrchestratorRecord | None:
        """Return the run, or None when there is none of this id."""
        rows = self._database.rows(
            "SELECT record FROM orchestrators WHERE id = ?", (orchestrator_id,)
        )
        return decode(OrchestratorRecord, rows[0][0]) if rows else None

    def all(self, *, open_only: bool = False) -> list[OrchestratorRecord]:
        """Return the runs, oldest first.

        Args:
            open_only: Leave out those whose shutdown is done; what stays either lives or ended
                without being able to say so.
        """
        rows = self._database.rows(
            "SELECT record FROM orchestrators WHERE open >= ? ORDER BY sequence",
            (int(open_only),),
        )
        return [decode(OrchestratorRecord, text) for (text,) in rows]

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

    def _change(
        self, orchestrator_id: OrchestratorId, changes: dict[str, datetime | str]
    ) -> OrchestratorRecord:
        """Fill in fields, unless the first of them is filled in already."""
        with self._database.write() as connection:
            record = self.find(orchestrator_id)
            if record is None:
                raise NotFoundError(f"Orchestrator {orchestrator_id} not found")

            if getattr(record, next(iter(changes))) is not None:
                return record

            record = record.model_copy(update=changes)
            connection.execute(
                "UPDATE orchestrators SET open = ?, record = ? WHERE id = ?",
                (record.shutdown_done_at is None, encode(record), orchestrator_id),
            )
            return record
