"""The tasks, as they are stored."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from orchestrator.errors import NotFoundError, RegistryError
from orchestrator.model import TaskRecord

from .codec import decode, encode_foreign_data
from .table import Table, mended

if TYPE_CHECKING:
    from orchestrator.model import TaskId


class Tasks(Table):
    """Every task of this workspace."""

    @mended
    def add(self, record: TaskRecord) -> None:
        """Store a task.

        Raises:
            InvalidInputError: Its context is nested too deeply to be read back.
            RegistryError: Its id is in use.
        """
        text = encode_foreign_data(record)
        with self.database.write() as connection:
            try:
                connection.execute(
                    "INSERT INTO tasks (id, record) VALUES (?, ?)", (record.id, text)
                )
            except sqlite3.IntegrityError as error:
                raise RegistryError(
                    f"There is a task {record.id} already; take a new id", task_id=record.id
                ) from error

        self.memory.keep_task(record.id, text)

    def get(self, task_id: TaskId) -> TaskRecord:
        """Return the task.

        Raises:
            NotFoundError: There is none of this id.
        """
        rows = self.database.rows("SELECT record FROM tasks WHERE id = ?", (task_id,))
        if not rows:
            raise NotFoundError(
                f"Task {task_id} not found in any workspace location", task_id=task_id
            )

        return self._read(rows[0][0])

    def all(self) -> list[TaskRecord]:
        """Return the tasks, oldest first."""
        rows = self.database.rows("SELECT record FROM tasks ORDER BY sequence")
        return [self._read(text) for (text,) in rows]

    def _read(self, text: str) -> TaskRecord:
        record = decode(TaskRecord, text)
        self.memory.keep_task(record.id, text)
        return record
