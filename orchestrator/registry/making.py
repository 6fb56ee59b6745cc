"""How a new file of the registry is made, with what can be saved, and a bad one is set aside."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

from . import schema
from .atomic import create_private
from .connecting import HEADER_BYTES, companions, connect, read_header, read_marks
from .rescue import be_lenient, copy_known

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger("orchestrator.registry")


def make_file(path: Path, reason: str, fill: Callable[[sqlite3.Connection], object]) -> None:
    """Put a new file in the place of one that cannot be used, which is set aside if it is there.

    Args:
        path: The file.
        reason: Why the present one cannot be used, for the log.
        fill: Puts into the new one what is known, before anybody finds it.

    Raises:
        OSError, sqlite3.Error: There is no room for it, or it cannot be written; the present one
            is where it was.
    """
    # first under another name: nobody ever finds it half made, or none at all
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    os.close(create_private(draft))
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            _make_tables(connection)
            fill(connection)

        draft.replace(_ready(path))
    except BaseException:
        draft.unlink(missing_ok=True)
        raise

    finish_making(path, reason)


def finish_making(path: Path, reason: str = "a new one is ready") -> None:
    """Put the new file in its place, if there is one that is ready.

    Args:
        path: The file.
        reason: Why the present one cannot be used, for the log.

    Raises:
        OSError: It cannot be done; it is done at the next start.
    """
    ready = _ready(path)
    if ready.exists():
        _set_aside(path, reason)
        ready.replace(path)


def _ready(path: Path) -> Path:
    return path.with_name(f"{path.name}.ready")


def _make_tables(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = MEMORY")
    connection.executescript(
        f"BEGIN; {schema.TABLES}"
        f"PRAGMA application_id = {schema.APPLICATION_ID};"
        f"PRAGMA user_version = {schema.VERSION};"
        "COMMIT;"
    )


def salvage(path: Path, patience: float, after: sqlite3.Connection) -> None:
    """Put into a new file what can still be read of a damaged one.

    Args:
        path: The damaged file. One that is missing, or another program's, gives nothing.
        patience: How long to wait for another process, in seconds.
        after: The new one.

    Raises:
        sqlite3.Error: The new one cannot be written.
    """
    if not path.exists() or path.stat().st_size < HEADER_BYTES:
        return

    header = read_header(path)
    if header is not None and header.application != schema.APPLICATION_ID:
        return

    with closing(connect(path, patience)) as before:
        be_lenient(before)
        try:
            if read_marks(before).application != schema.APPLICATION_ID:
                return
        except sqlite3.Error:
            return

        copied = copy_known(before, after, damaged=True)

    if copied:
        log.warning("of the damaged registry %s, %d records can still be read", path, copied)


def set_companions_aside(path: Path) -> None:
    """Move away a log and a shared memory that belong to another file than the one at the path.

    Raises:
        OSError: That cannot be done.
    """
    _move(companions(path), path)


def _set_aside(path: Path, reason: str) -> None:
    base = _move([path, *companions(path)], path)
    if base is not None:
        log.warning(
            "the registry %s cannot be used, %s; it is kept as %s, and a new one is made",
            path,
            reason,
            base,
        )


def _move(files: list[Path], path: Path) -> str | None:
    """Give the files that are there other names; return the first part of these."""
    base = f"{path.name}.damaged-{datetime.now().astimezone():%Y%m%d-%H%M%S-%f}"
    # Whoever damages a registry may delete a file of it at any moment.
    moved = [each for each in files if _rename(each, base + each.name.removeprefix(path.name))]
    return base if moved else None


def _rename(file: Path, name: str) -> bool:
    """Give a file another name; False when it is not there."""
    try:
        file.rename(file.with_name(name))
    except FileNotFoundError:
        return False

    return True
