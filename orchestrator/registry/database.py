"""The connection to the registry's file: transactions, and what happens when the file is gone."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .faults import explained
from .opening import open_file
from .rescue import copy_missing

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

log = logging.getLogger("orchestrator.registry")


class Database:
    """One connection to the file; used in the thread that opened it.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Take over an open connection; `open` is the way to get one."""
        self.path = path
        self._connection = connection
        self._file = _identity(path)

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Generator[Database]:
        """Open the file, made new when there is none, for the length of the block.

        Raises:
            RegistryError: As `open_file` says.
        """
        database = cls(path, open_file(path))
        try:
            yield database
        finally:
            database._connection.close()

    @contextmanager
    def write(self) -> Generator[sqlite3.Connection]:
        """Change things in one transaction: all of it happens, or nothing.

        Other processes wait for the block; so it must be short.

        Raises:
            RegistryError: The disk is full, another process kept the file locked for 5 s, or the
                file is damaged; nothing was changed.
        """
        with self._explaining():
            connection = self._begin()

        try:
            yield connection
        except sqlite3.Error as error:
            _roll_back(connection)
            raise explained(error, self.path) from error
        except BaseException:
            _roll_back(connection)
            raise

        with self._explaining():
            _commit(connection)

    def rows(self, query: str, parameters: tuple[str | int | None, ...] = ()) -> list[Any]:
        """Return what a query finds, all of it, as tuples.

        Raises:
            RegistryError: The file is damaged, or cannot be read any more.
        """
        with self._explaining():
            if not self._connection.in_transaction and self._moved():
                self._follow()

            return self._connection.execute(query, parameters).fetchall()

    @contextmanager
    def _explaining(self) -> Generator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise explained(error, self.path) from error

    def _begin(self) -> sqlite3.Connection:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            if not self._moved():
                raise

        # not before: whoever copies what is in a lost file holds its write lock meanwhile
        if self._moved():
            _roll_back(self._connection)
            self._follow()
            self._connection.execute("BEGIN IMMEDIATE")

        return self._connection

    def _moved(self) -> bool:
        """Whether the file under the path is not the one that is open."""
        return _identity(self.path) != self._file

    def _follow(self) -> None:
        """Go over to the file that is there now, or to a new one, with all that is known here."""
        log.warning("the registry %s was deleted or replaced while in use", self.path)
        before = self._connection
        connection = open_file(self.path)
        try:
            copied = copy_missing(before, connection)
        except BaseException:
            connection.close()
            raise

        self._connection = connection
        self._file = _identity(self.path)
        before.close()
        log.warning("the registry %s is in use again, %d records copied", self.path, copied)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None

    return status.st_dev, status.st_ino


def _commit(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: sqlite3.Connection) -> None:
    # sqlite has already done it after some errors
    if connection.in_transaction:
        connection.execute("ROLLBACK")
