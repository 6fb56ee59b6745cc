"""The tasks, as they are stored."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from orchestrator.errors import NotFoundError, RegistryError
from orchestrator.model import TaskRecord

from .codec import decode, encode_foreign_data

if TYPE_CHECKING:
    from orchestrator.model import TaskId

    from .database import Database


class Tasks:
    """Every task of this workspace."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def add(self, record: TaskRecord) -> None:
        """Store a task.

        Raises:
            InvalidInputError: Its context is nested too deeply to be read back.
            RegistryError: Its id is in use.
        """
        text = encode_foreign_data(record)
        with self._database.write() as connection:
            try:
                connection.execute(
                    "INSERT INTO tasks (id, record) VALUES (?, ?)", (record.id, text)
                )
            except sqlite3.IntegrityError as error:
                raise RegistryError(
                    f"There is a task {record.id} already; take a new id", task_id=record.id
                ) from error

    def get(self, task_id: TaskId) -> TaskRecord:
        """Return the task.

        Raises:
            NotFoundError: There is none of this id.
        """
        rows = self._database.rows("SELECT record FROM tasks WHERE id = ?", (task_id,))
        if not rows:
            raise NotFoundError(
                f"Task {task_id} not found in any workspace location", task_id=task_id
            )

        return decode(TaskRecord, rows[0][0])

    def all(self) -> list[TaskRecord]:
        """Return the tasks, oldest first."""
        rows = self._database.rows("SELECT record FROM tasks ORDER BY sequence")
        return [decode(TaskRecord, text) for (text,) in rows]
