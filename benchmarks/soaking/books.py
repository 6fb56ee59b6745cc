"""Registry and log of a workspace, read from outside while an orchestrator has them open."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from .ends import Recorded, recorded

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_PATIENCE = 30.0


class Books:
    """What one workspace has on record.

    Attributes:
        workspace: Its folder.
    """

    def __init__(self, workspace: Path) -> None:
        """Nothing is read yet."""
        self.workspace = workspace
        self._folder = workspace / "registry"
        self._database = self._folder / "orchestrator.sqlite3"
        self._log = self._folder / "orchestrator.log"

    def agents(self, ids: Collection[str]) -> dict[str, Recorded]:
        """Return what is on record of these agents, as far as there is anything."""
        found: dict[str, Recorded] = {}
        with closing(self._open()) as connection:
            for agent_id in ids:
                rows = connection.execute("SELECT record FROM agents WHERE id = ?", (agent_id,))
                for (text,) in rows:
                    found[agent_id] = recorded(json.loads(text))

        return found

    def live(self) -> set[str]:
        """Return the ids of all agents whose end is not on record."""
        return {each for (each,) in self._rows("SELECT id FROM agents WHERE live = 1")}

    def pid_of(self, orchestrator_id: str) -> int | None:
        """Return the pid that a run of an orchestrator had."""
        rows = self._rows("SELECT record FROM orchestrators WHERE id = ?", orchestrator_id)
        return json.loads(rows[0][0])["pid"] if rows else None

    def count(self) -> int:
        """Return how many agents are on record; 0 while there is no registry."""
        if not self._database.exists():
            return 0

        return self._rows("SELECT count(*) FROM agents")[0][0]

    def size(self) -> int:
        """Return the bytes of the registry."""
        return sum(file.stat().st_size for file in self._folder.glob(f"{self._database.name}*"))

    def log_size(self) -> int:
        """Return the bytes of the log; 0 while there is none."""
        return self._log.stat().st_size if self._log.exists() else 0

    def log_since(self, offset: int) -> str:
        """Return what was written to the log after so many bytes."""
        if not self._log.exists():
            return ""

        with self._log.open("rb") as file:
            file.seek(offset)
            return file.read().decode("utf-8", "replace")

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with closing(self._open()) as connection:
            return connection.execute(query, values).fetchall()

    def _open(self) -> sqlite3.Connection:
        # Opened for each look: a connection that stays would take part in what is observed.
        uri = f"{self._database.as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=_PATIENCE)
        connection.execute("PRAGMA query_only = 1")
        return connection
