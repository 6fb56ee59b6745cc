"""The floor of the registry: one row of a table of sqlite's, written again and again."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from benchmarks.workers import registry_records as records

if TYPE_CHECKING:
    from pathlib import Path

_MS_PER_S = 1000.0


class Bare:
    """A table of two columns, in WAL mode with ``synchronous = NORMAL``, as the registry is."""

    def __init__(self, folder: Path, count: int) -> None:
        """Write so many rows, each as long as an agent's."""
        folder.mkdir(parents=True, exist_ok=True)
        self._template = folder / "template.sqlite3"
        self._copy = folder / "copy.sqlite3"
        self._text = records.agent(0, folder, state=records.EXITED).model_dump_json()
        with closing(_open(self._template)) as connection:
            connection.execute("CREATE TABLE agents (id INTEGER PRIMARY KEY, record TEXT NOT NULL)")
            connection.execute("BEGIN")
            connection.executemany(
                "INSERT INTO agents VALUES (?, ?)", ((id_, self._text) for id_ in range(count))
            )
            connection.execute("COMMIT")

    def turn(self, lives: int, before: int) -> dict[str, Any]:
        """Change the row, four times for each life; see `benchmarks.workers.registry.Changes`."""
        shutil.copy(self._template, self._copy)
        try:
            with closing(_open(self._copy)) as connection:
                for number in range(before):
                    self._update(connection, number)

                times = [self._timed(connection, number) for number in range(4 * lives)]
        finally:
            for left in self._copy.parent.glob(f"{self._copy.name}*"):
                left.unlink()

        return {"times": {"update": times}}

    def _timed(self, connection: sqlite3.Connection, number: int) -> float:
        began = time.perf_counter()
        self._update(connection, number)
        return (time.perf_counter() - began) * _MS_PER_S

    def _update(self, connection: sqlite3.Connection, number: int) -> None:
        # Another text of the same length: what is the same would not be written.
        text = f"{number:08d}{self._text[8:]}"
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE agents SET record = ? WHERE id = 0", (text,))
        connection.execute("COMMIT")


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection
