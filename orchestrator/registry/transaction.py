"""One transaction on a plain connection."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Generator


@contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """Do what the block does as one change, from the start on as the only writer.

    Raises:
        sqlite3.Error: It cannot be written; nothing was changed.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        # sqlite has already done it after some errors
        if connection.in_transaction:
            connection.execute("ROLLBACK")
