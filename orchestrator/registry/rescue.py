"""What a live process knows is copied when the registry's file was lost under it."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from .faults import is_damage

if TYPE_CHECKING:
    from collections.abc import Generator

log = logging.getLogger("orchestrator.registry")

_NOUNS: Final = (
    ("orchestrators", "id, open, record"),
    ("agents", "id, owner, task_id, parent, cookie, state, live, record"),
)
_REPORTS: Final = ("progress", "findings")


def copy_missing(before: sqlite3.Connection, after: sqlite3.Connection) -> int:
    """Copy the rows that only the former file holds; return how many.

    Several processes may do so, one after another, from the same former file: its write lock is
    held meanwhile, so that whoever comes later brings nothing older. A former file that cannot be
    read gives nothing, and the log says so.

    Raises:
        sqlite3.Error: The new file cannot be written, e.g. on a full disk; nothing was copied.
    """
    try:
        with _transaction(before), _transaction(after):
            return _copy(before, after)
    except sqlite3.Error as error:
        if not is_damage(error):
            raise

        log.error("nothing could be copied from the former registry: %s", error)  # noqa: TRY400  no traceback needed
        return 0


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _copy(before: sqlite3.Connection, after: sqlite3.Connection) -> int:
    copied = 0
    for table, columns in _NOUNS:
        copied += _copy_rows(before, after, table, columns)

    known = {task for (task,) in after.execute("SELECT id FROM tasks")}
    copied += _copy_rows(before, after, "tasks", "id, record")
    # a task that is there came with its reports
    for table in _REPORTS:
        copied += _copy_reports(before, after, table, known)

    after.execute(
        "INSERT OR IGNORE INTO latest_progress "
        "SELECT task_id, agent_id, max(sequence) FROM progress GROUP BY task_id, agent_id"
    )
    return copied


def _copy_rows(
    before: sqlite3.Connection, after: sqlite3.Connection, table: str, columns: str
) -> int:
    marks = ", ".join("?" for _ in columns.split(","))
    rows = before.execute(f"SELECT {columns} FROM {table} ORDER BY sequence")  # noqa: S608
    insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
    return after.executemany(insert, rows).rowcount


def _copy_reports(
    before: sqlite3.Connection, after: sqlite3.Connection, table: str, known: set[str]
) -> int:
    rows = before.execute(f"SELECT task_id, agent_id, record FROM {table} ORDER BY sequence")  # noqa: S608
    insert = f"INSERT INTO {table} (task_id, agent_id, record) VALUES (?, ?, ?)"  # noqa: S608
    return after.executemany(insert, (row for row in rows if row[0] not in known)).rowcount
