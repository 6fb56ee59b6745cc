"""What is known elsewhere goes into a file; where both know of one, the later state stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orchestrator.model import OrchestratorRecord

from .codec import decode

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from .rows import AgentRow, ReportRow, RunRow, TaskRow

#: How far an agent is in each state. Of two final states the first one stays.
_STAGES: Final = {
    "starting": 0,
    "running": 1,
    "frozen": 1,
    "stopping": 2,
    "exited": 3,
    "lost": 3,
}


def merge_runs(connection: sqlite3.Connection, rows: Iterable[RunRow]) -> int:
    """Write the runs that are missing, and what is missing of their shutdowns; return how many."""
    merged = 0
    for row in rows:
        known = connection.execute(
            "SELECT record FROM orchestrators WHERE id = ?", (row.id,)
        ).fetchone()
        if known is None:
            connection.execute("INSERT INTO orchestrators (id, open, record) VALUES (?, ?, ?)", row)
        elif known[0] != row.record and _shutdown_facts(row.record) > _shutdown_facts(known[0]):
            connection.execute(
                "UPDATE orchestrators SET open = ?, record = ? WHERE id = ?",
                (row.open, row.record, row.id),
            )
        else:
            continue

        merged += 1

    return merged


def merge_tasks(connection: sqlite3.Connection, rows: Iterable[TaskRow]) -> int:
    """Write the tasks that are missing; return how many."""
    return connection.executemany(
        "INSERT OR IGNORE INTO tasks (id, record) VALUES (?, ?)", rows
    ).rowcount


def merge_agents(
    connection: sqlite3.Connection,
    rows: Iterable[AgentRow],
    *,
    claims: Callable[[str], bool] = lambda _: False,
) -> int:
    """Write the agents that are missing, and later states of the others; return how many.

    Args:
        connection: The file.
        rows: What is known of them elsewhere.
        claims: Tells whether an owner's agents are known best there, so that of two states at
            the same stage this one stays.
    """
    merged = 0
    for row in rows:
        new = connection.execute(
            "INSERT OR IGNORE INTO agents (id, owner, task_id, parent, cookie, state, live, record,"
            " gate) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        ).rowcount
        merged += new or _update(connection, row, claims)

    return merged


def merge_reports(connection: sqlite3.Connection, table: str, rows: Iterable[ReportRow]) -> int:
    """Write the reports that are missing; return how many.

    Args:
        connection: The file.
        table: ``progress`` or ``findings``.
        rows: The reports. Each holds its moment, so that equal ones are the same one.
    """
    # their hashes, since there may be more than the memory should hold
    present = connection.execute(f"SELECT task_id, agent_id, record FROM {table}")  # noqa: S608  our own names
    known = {hash(row) for row in present}
    insert = f"INSERT INTO {table} (task_id, agent_id, record) VALUES (?, ?, ?)"  # noqa: S608
    missing = (row for row in rows if hash(row) not in known)
    merged = connection.executemany(insert, missing).rowcount
    if table == "progress":
        connection.execute(
            "INSERT OR IGNORE INTO latest_progress "
            "SELECT task_id, agent_id, max(sequence) FROM progress GROUP BY task_id, agent_id"
        )

    return max(merged, 0)


def _update(connection: sqlite3.Connection, row: AgentRow, claims: Callable[[str], bool]) -> int:
    if row.gate:
        connection.execute("UPDATE agents SET gate = 1 WHERE id = ? AND gate = 0", (row.id,))

    known = connection.execute(
        "SELECT state, record FROM agents WHERE id = ?", (row.id,)
    ).fetchone()
    # without one of this id, its cookie is another agent's: it is no record of ours
    if known is None or known[1] == row.record:
        return 0

    before, after = _STAGES.get(known[0], 0), _STAGES.get(row.state, 0)
    same = before == after and bool(row.live) and claims(row.owner)
    if after <= before and not same:
        return 0

    connection.execute(
        "UPDATE agents SET owner = ?, state = ?, live = ?, record = ? WHERE id = ?",
        (row.owner, row.state, row.live, row.record, row.id),
    )
    return 1


def _shutdown_facts(text: str) -> int:
    """How much is known of a run's shutdown."""
    record = decode(OrchestratorRecord, text)
    return (record.shutdown_began_at is not None) + (record.shutdown_done_at is not None)
