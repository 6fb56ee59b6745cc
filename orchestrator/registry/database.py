"""The connection to the registry's file: transactions, and what happens when the file is lost."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from . import schema
from .connecting import connect, flaw, glance, read_marks
from .faults import DamagedError, FullError, explained, is_damage
from .memory import Memory
from .opening import Former, open_file
from .rescue import copy_known

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

log = logging.getLogger("orchestrator.registry")

R = TypeVar("R")

#: How often a damaged file is replaced for one use of it.
_ATTEMPTS: Final = 4

#: A file up to this size is looked through when it has changed, at 1 ms for each MB; bytes.
_QUICK: Final = 8_000_000


class Database:
    """One connection to the file; used in the thread that opened it.

    A file that is deleted, replaced or damaged meanwhile is noticed when it is used, or by
    `check`. A new one takes its place then, with what can still be read of the former one and what
    this process knows. Several processes that do so end up in the same new file.

    Attributes:
        path: The file.
        memory: What this process knows.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Take over an open connection; `open` is the way to get one."""
        self.path = path
        self.memory = Memory()
        self._use(connection)

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
            RegistryError: The file cannot be read any more, nor made anew.
        """
        return self.mending(lambda: self._rows(query, parameters))

    def mending(self, work: Callable[[], R]) -> R:
        """Do something with the file; when that turns out to be damaged, again with a sound one.

        When the disk is full, too: the log is brought into the file first, so that the room that it
        has on the disk can be used again.

        A part of a change is not done again by itself: the whole of it is, by whoever began it.

        Raises:
            RegistryError: No sound file can be had, e.g. because there is no room for it.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return work()
            except FullError:
                if attempt > 0 or self._connection.in_transaction:
                    raise

                # not waiting for those who read: it may be a suspended process
                with suppress(sqlite3.Error):
                    self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except DamagedError as error:
                if self._connection.in_transaction:
                    raise

                self._mend(error, distrust=attempt > 0)

        return work()

    def damaged(self, what: str) -> DamagedError:
        """Return the error that says so, for `mending`.

        Args:
            what: What the file has done, e.g. ``has lost 3 bytes``.
        """
        return DamagedError(
            f"The registry {self.path} {what} while in use; it is set aside and made anew",
            path=str(self.path),
        )

    def check(self) -> None:
        """Find out whether the file is the one that it was, and see to it that a sound one is.

        Costs a few microseconds while nobody has touched it. Done from time to time, others do not
        find an empty registry for long when one of them has set aside a file that is in use here.

        Raises:
            RegistryError: No sound file can be had; everything is tried again at the next use.
        """
        self.mending(self._look)

    def _rows(self, query: str, parameters: tuple[str | int | None, ...]) -> list[Any]:
        with self._explaining():
            if not self._connection.in_transaction:
                self._keep_up()

            return self._connection.execute(query, parameters).fetchall()

    def _look(self) -> None:
        with self._explaining():
            self._keep_up()
            now = glance(self.path)
            if now == self._sound:
                return

            # by a connection of its own, which has nothing in its cache
            with closing(connect(self.path)) as fresh:
                ours = read_marks(fresh).application == schema.APPLICATION_ID
                if not ours or not self._has_own_run(fresh):
                    raise self.damaged("holds something else")

                found = flaw(fresh) if now.size <= _QUICK else None
                if found is not None:
                    raise self.damaged(f"does not fit together ({found})")

            self._sound = now

    def _has_own_run(self, connection: sqlite3.Connection) -> bool:
        run = self.memory.own_run
        query = "SELECT 1 FROM orchestrators WHERE id = ?"
        return run is None or bool(connection.execute(query, (run,)).fetchall())

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
            if not self._has_moved():
                raise

        # not before: whoever copies what is in a lost file holds its write lock meanwhile
        try:
            if self._has_moved():
                _roll_back(self._connection)
                self._follow()
                self._connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            _roll_back(self._connection)
            raise

        return self._connection

    def _keep_up(self) -> None:
        if self._has_moved():
            self._follow()

    def _has_moved(self) -> bool:
        """Whether the file under the path is not the one that is open.

        Raises:
            DamagedError: It is, but somebody has cut it.
        """
        now = glance(self.path)
        if self._lost or now[:2] != self._known[:2]:
            return True

        if now.size < self._known.size:
            lost = self._known.size - now.size
            raise self.damaged(f"has lost {lost} bytes")

        self._known = now
        return False

    def _mend(self, error: DamagedError, *, distrust: bool = False) -> None:
        # the new one may be damaged at once: then that is what is to be mended
        with suppress(DamagedError), self._explaining():
            self._follow(str(error), distrust=distrust)

    def _follow(self, why: str | None = None, *, distrust: bool = False) -> None:
        """Go over to the file that is there now, or to a new one, with all that is known here.

        Args:
            why: What has become of the one that is open, in a sentence; None for its place being
                taken.
            distrust: That looks fit and is not.
        """
        if not self._lost:
            log.error("%s", why or f"The registry {self.path} was deleted or replaced while in use")

        self._lost = True
        before, seen, now = self._connection, self._known, glance(self.path)
        # with another log beside it than the one that is open, it is two files in one
        if distrust or (now.file == seen.file and now.companions != seen.companions):
            self._distrusted.add(seen.file)

        copied: list[int] = []

        def fill(after: sqlite3.Connection) -> None:
            copied.append(copy_known(before, after) + self.memory.restore(after))

        former = Former(seen, distrusted=frozenset(self._distrusted), fill=fill)
        after = open_file(self.path, former=former)
        there = glance(self.path).file
        try:
            if there == seen.file:
                copied.append(self.memory.restore(after))
            elif not copied:
                # another process has made it, knowing less
                fill(after)
        except BaseException as error:
            after.close()
            if is_damage(error):
                self._distrusted.add(there)  # it only looked fit

            raise

        self._use(after)
        before.close()
        log.warning("the registry %s is in use again, %d records copied", self.path, sum(copied))

    def _use(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known = glance(self.path)
        self._sound = self._known
        self._lost = False
        self._distrusted: set[tuple[int, int] | None] = set()


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
