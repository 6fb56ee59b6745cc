"""What can still be read of a file that was lost or damaged is copied into another one."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from orchestrator.errors import RegistryError
from orchestrator.model import (
    AgentRecord,
    FindingEntry,
    OrchestratorRecord,
    ProgressEntry,
    TaskRecord,
)

from .codec import decode
from .faults import is_busy, is_damage
from .merging import merge_agents, merge_reports, merge_runs, merge_tasks
from .rows import AgentRow, ReportRow, RunRow, TaskRow
from .transaction import transaction

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from orchestrator.model.base import Noun

log = logging.getLogger("orchestrator.registry")

R = TypeVar("R", bound=RunRow | TaskRow | AgentRow | ReportRow)

#: Rows in a row that cannot be read, after which the rest of their table is given up.
_GAP: Final = 5_000

_NOUNS: Final[dict[str, type[Noun]]] = {
    "orchestrators": OrchestratorRecord,
    "tasks": TaskRecord,
    "agents": AgentRecord,
    "progress": ProgressEntry,
    "findings": FindingEntry,
}


def copy_known(
    before: sqlite3.Connection, after: sqlite3.Connection, *, damaged: bool = False
) -> int:
    """Copy what the other file does not hold, or not in its latest state; return how many records.

    Several processes may do so, one after another, from the same former file. Its write lock is
    held meanwhile, where it can be had.

    Args:
        before: The former file.
        after: The other one.
        damaged: The former file is damaged: each record is looked at before it is believed, and
            what cannot be read is left out. It is found out when it is not known.

    Raises:
        sqlite3.Error: The other file cannot be written, e.g. on a full disk; nothing was copied.
    """
    if not damaged:
        try:
            return _copy(before, after, damaged=False)
        except sqlite3.Error as error:
            if not is_damage(error):
                raise

    be_lenient(before)
    return _copy(before, after, damaged=True)


def _copy(before: sqlite3.Connection, after: sqlite3.Connection, *, damaged: bool) -> int:
    broken: list[str] = []

    def rows(table: str, kind: type[R]) -> Iterator[R]:
        if damaged:
            return _sound_rows(before, table, kind, broken)

        return (row for _, row in _select(before, table, kind, after=0))

    with _held(before), transaction(after):
        copied = merge_runs(after, rows("orchestrators", RunRow))
        copied += merge_tasks(after, rows("tasks", TaskRow))
        copied += merge_agents(after, rows("agents", AgentRow))
        for table in ("progress", "findings"):
            copied += merge_reports(after, table, rows(table, ReportRow))

    if broken:
        log.error("the former registry is damaged; not all can be read of: %s", ", ".join(broken))

    return copied


@contextmanager
def _held(connection: sqlite3.Connection) -> Generator[None]:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        # a damaged file may seem locked when nobody holds it; whoever changes it meanwhile follows
        # with what it knows
        if not is_damage(error) and not is_busy(error):
            raise

    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _sound_rows(
    connection: sqlite3.Connection, table: str, kind: type[R], broken: list[str]
) -> Iterator[R]:
    """Return the rows that can be read and hold what they should; name a table that has others."""
    last = failures = 0
    whole = True
    while failures < _GAP:
        try:
            for sequence, row in _select(connection, table, kind, after=last):
                last, failures = sequence, 0
                if _is_sound(row, _NOUNS[table]):
                    yield row
                else:
                    whole = False

            break
        except sqlite3.Error as error:
            if not is_damage(error):
                raise

            # what lies behind the damage may be whole
            last += 1
            failures += 1
            whole = False

    if not whole:
        broken.append(table)


def _select(
    connection: sqlite3.Connection, table: str, kind: type[R], *, after: int
) -> Iterator[tuple[int, R]]:
    columns = ", ".join(kind._fields)
    if kind is AgentRow and not _has_gates(connection):
        columns = columns.replace("gate", "0")

    query = f"SELECT sequence, {columns} FROM {table} WHERE sequence > ? ORDER BY sequence"  # noqa: S608  our own names
    for sequence, *row in connection.execute(query, (after,)):
        yield sequence, kind(*row)


def be_lenient(connection: sqlite3.Connection) -> None:
    """Let a damaged file be read as far as that goes."""
    connection.text_factory = _lenient
    # else nothing at all is read of a file that is shorter than it says
    connection.execute("PRAGMA writable_schema = ON")


def _lenient(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def _has_gates(connection: sqlite3.Connection) -> bool:
    """Whether the file was of a version that has them."""
    return any(column[1] == "gate" for column in connection.execute("PRAGMA table_info(agents)"))


def _is_sound(row: RunRow | TaskRow | AgentRow | ReportRow, noun: type[Noun]) -> bool:
    try:
        record: Any = decode(noun, row.record)
    except (RegistryError, TypeError):
        return False

    match row:
        case AgentRow():
            return row == AgentRow.of(record, row.record, gate=bool(row.gate))
        case ReportRow():
            return row[:2] == (record.task_id, record.agent_id)
        case _:
            return row.id == record.id
