"""How the file of an older version becomes one of this version, in place.

A step only adds to the tables. Programs of the former version that have the file open go on using
it: they name the columns that they read and write, and sqlite tells them of the change. What they
do not know stays as it is. They refuse the file when they are started anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import schema
from .transaction import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

#: For each older version, what makes the next one of it.
STEPS: Final[Mapping[int, Sequence[str]]] = {
    1: ("ALTER TABLE agents ADD COLUMN gate INTEGER NOT NULL DEFAULT 0",),
}


class NoWayError(Exception):
    """The file has a version that nothing here can make the present one of."""


def has_way_from(version: int) -> bool:
    """Whether a file of this version can become, or is, one of the present version."""
    return all(each in STEPS for each in range(version, schema.VERSION))


def migrate(connection: sqlite3.Connection) -> int | None:
    """Make a file of an older version one of this version, all of it or nothing.

    Several processes may do so at once; the second finds it done.

    Returns:
        The version that it had, or None when there was nothing to do.

    Raises:
        sqlite3.Error: It cannot be written, e.g. on a full disk; it is as it was.
        NoWayError: It has lost its version, or has one that is not known.
    """
    if _version(connection) >= schema.VERSION:
        return None

    with transaction(connection):
        # again: another process may have done it meanwhile
        former = _version(connection)
        if former >= schema.VERSION:
            return None

        # asked here too: the file may have been overwritten since somebody looked
        if not has_way_from(former):
            raise NoWayError(f"it has the unknown format {former}")

        for version in range(former, schema.VERSION):
            for statement in STEPS[version]:
                connection.execute(statement)

        connection.execute(f"PRAGMA user_version = {schema.VERSION}")

    # Programs of the former version look for the mark in the file itself, not in its log.
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    return former


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return version
