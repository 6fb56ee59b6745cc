"""The registry: what is known, on disk, shared by every process of a workspace."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from orchestrator.errors import InvalidInputError

from .agents import Agents
from .database import Database
from .orchestrators import Orchestrators
from .presence import Presence
from .reports import Reports
from .tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

#: The folder of the registry in a workspace, as the original server named it, and our file in it:
#: not its `state.sqlite3`, so that both can be tried on one workspace.
FOLDER: Final = "registry"
FILE: Final = "orchestrator.sqlite3"

#: The folder in it of the runs that live.
RUNS: Final = "runs"


class Registry:
    """What is known of orchestrators, agents and tasks; the only writer of state.

    Every change is a transaction of about 0.1 ms, on disk when the method returns, and seen by
    all processes at once. Used in the thread that opened it.

    Attributes:
        path: The database.
        orchestrators: The runs of orchestrators.
        presence: Which of them are there.
        agents: The agents.
        tasks: The tasks.
        reports: Progress and findings.
    """

    def __init__(self, database: Database) -> None:
        """Work on an open database; `open` is the way to get one."""
        self.path = database.path
        self.orchestrators = Orchestrators(database)
        self.presence = Presence(self.path.parent / RUNS)
        self.agents = Agents(database)
        self.tasks = Tasks(database)
        self.reports = Reports(database)
        self._database = database

    @classmethod
    @contextmanager
    def open(cls, workspace: Path) -> Generator[Registry]:
        """Open the registry of a workspace for the length of the block; make what is missing.

        A damaged one is set aside under another name, with a warning in the log, and a fresh one
        takes its place, with what can be read of it. When that happens to one that is open, by
        whatever process, it goes on with the new one, and brings in all that it knows.

        Args:
            workspace: An absolute path.

        Raises:
            InvalidInputError: The path is not absolute, or not UTF-8.
            RegistryError: It was written by a newer version, or cannot be read and written.
        """
        if not workspace.is_absolute() or not _is_utf8(workspace):
            raise InvalidInputError(
                f"The workspace {str(workspace)!r} must be an absolute path in UTF-8: name another"
            )

        with Database.open(workspace / FOLDER / FILE) as database:
            yield cls(database)

    def check(self) -> None:
        """Find out whether the database is still there and sound, and see to it that it is.

        Every use does so in passing. A process that has agents does it also when something
        happens in the file's folder: another one, which knows nothing of them, may have set aside
        or deleted a file that is in use. It costs some microseconds.

        Raises:
            RegistryError: As for `open`, or there is no room; it is tried again at the next use.
        """
        self._database.check()

    @contextmanager
    def exclusive(self) -> Generator[None]:
        """Keep every other writer waiting, to read several things that belong together.

        Nothing may be changed in the block, and it must be short: others wait 5 s at most.

        Raises:
            RegistryError: It cannot be used.
        """
        with self._database.write():
            yield


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False

    return True
