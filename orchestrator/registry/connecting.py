"""Connections to a registry's file, and what tells the file from another one in its place.

While this process has the file open, it must not be read in any other way: closing a descriptor of
it takes away the locks that sqlite holds on it, and others would remove its log while it is in use.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from pathlib import Path
from typing import Final, NamedTuple

#: How long to wait for another process, at the start as for a transaction; seconds.
PATIENCE: Final = 5.0

_COMPANIONS: Final = ("-wal", "-shm")

#: Where a database says what it is, and of which version.
_HEADER: Final = struct.Struct(">16s44xI4xI28x")
_MAGIC: Final = b"SQLite format 3\0"

#: A smaller file has not even that; bytes.
HEADER_BYTES: Final = _HEADER.size


class Marks(NamedTuple):
    """What a database says of itself.

    Attributes:
        application: Whose it is.
        version: Of which version.
    """

    application: int
    version: int


class Glance(NamedTuple):
    """What is seen of the file without opening it.

    Attributes:
        file: Its device and number; None when it is missing.
        companions: The same of its log and of its shared memory.
        size: In bytes.
        changed_ns: When it was written last, in nanoseconds.
    """

    file: tuple[int, int] | None
    companions: tuple[tuple[int, int] | None, ...]
    size: int
    changed_ns: int


def connect(path: Path, patience: float = PATIENCE) -> sqlite3.Connection:
    """Connect to the file, whatever it is; it is never made.

    Raises:
        sqlite3.Error: It cannot be opened.
    """
    return sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=patience
    )


def read_marks(connection: sqlite3.Connection) -> Marks:
    """Return what the database says of itself, with what its log adds.

    Raises:
        sqlite3.Error: It is no database, or cannot be read.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return Marks(application, version)


def read_header(path: Path) -> Marks | None:
    """Return what the file itself says, without its log, which may be another file's.

    Returns:
        None when it is no database, and when this process has it open.

    Raises:
        OSError: It cannot be read.
    """
    if _is_open_here(path):
        return None

    with path.open("rb") as file:
        header = file.read(_HEADER.size)

    if len(header) < _HEADER.size:
        return None

    magic, version, application = _HEADER.unpack(header)
    return Marks(application, version) if magic == _MAGIC else None


def _is_open_here(path: Path) -> bool:
    wanted = path.stat()
    for each in Path("/dev/fd").iterdir():
        try:
            status = os.fstat(int(each.name))
        except OSError:
            continue

        if (status.st_dev, status.st_ino) == (wanted.st_dev, wanted.st_ino):
            return True

    return False


def flaw(connection: sqlite3.Connection) -> str | None:
    """Return the first thing that is wrong with how the file is put together, if anything is.

    Raises:
        sqlite3.Error: It cannot be read.
    """
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    return None if verdict == "ok" else verdict


def companions(path: Path) -> list[Path]:
    """Return the paths of its log and its shared memory, which are there while it is in use."""
    return [path.with_name(path.name + suffix) for suffix in _COMPANIONS]


def glance(path: Path) -> Glance:
    """Look at the file and what belongs to it; costs some microseconds."""
    status = _status(str(path))
    beside = tuple(_number(_status(f"{path}{suffix}")) for suffix in _COMPANIONS)
    if status is None:
        return Glance(None, beside, 0, 0)

    return Glance(_number(status), beside, status.st_size, status.st_mtime_ns)


def _status(path: str) -> os.stat_result | None:
    try:
        # three times as fast as pathlib's, and it is done at every use
        return os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return None


def _number(status: os.stat_result | None) -> tuple[int, int] | None:
    return None if status is None else (status.st_dev, status.st_ino)
