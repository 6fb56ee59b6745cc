"""How the file of the registry is found fit, made, or set aside."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import struct
import threading
import time
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final

from orchestrator.errors import RegistryError

from . import schema
from .atomic import FILE_MODE, FOLDER_MODE, create_private, make_private_folder
from .faults import explained, is_damage

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

log = logging.getLogger("orchestrator.registry")

#: How long to wait for another process, at the start as for a transaction; seconds.
PATIENCE: Final = 5.0

_HEADER = struct.Struct(">16s44xI4xI28x")
_MAGIC: Final = b"SQLite format 3\0"
_COMPANIONS: Final = ("-wal", "-shm")


class _UnfitError(Exception):
    """The file is not a registry that can be used; the message says why."""


def open_file(path: Path, *, patience: float = PATIENCE) -> sqlite3.Connection:
    """Open the registry's file, made new when there is none.

    A file that is empty, damaged or somebody else's is set aside under another name, with a
    warning in the log. Several processes may do this at the same time.

    Args:
        path: The file.
        patience: How long to wait for another process, here and in each transaction; seconds.

    Raises:
        RegistryError: It belongs to a newer version of this program (it is left as it is), or the
            file system or another process does not let it be opened.
    """
    try:
        _make_folder(path.parent)
        with _locked(path.parent / "lock", patience):
            return _open_or_make(path, patience)
    except (OSError, sqlite3.Error) as error:
        raise explained(error, path) from error


def _make_folder(folder: Path) -> None:
    make_private_folder(folder)
    if folder.stat().st_mode & 0o777 != FOLDER_MODE:
        folder.chmod(FOLDER_MODE)


@contextmanager
def _locked(path: Path, patience: float) -> Generator[None]:
    """Be the only one who makes or sets aside the file; the kernel frees it with the process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        os.fchmod(descriptor, FILE_MODE)
        _lock(descriptor, path, patience)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    pause = threading.Event()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise RegistryError(
                    f"{path} was held by another process for {patience:g} s; is an orchestrator "
                    "suspended? Let it go on (kill -CONT) or end it, and try again"
                ) from None

            # flock has no time limit of its own
            pause.wait(0.005)
        else:
            return


def _open_or_make(path: Path, patience: float) -> sqlite3.Connection:
    try:
        return _open_fit(path, patience)
    except FileNotFoundError:
        # what a deleted file left behind would be taken for a part of the new one
        _set_aside(path, "it was deleted while in use")
    except _UnfitError as error:
        _set_aside(path, str(error))

    _make(path)
    return _open_fit(path, patience)


def _open_fit(path: Path, patience: float) -> sqlite3.Connection:
    _check_header(path)
    for each in (path, *_companions(path)):
        if each.exists() and each.stat().st_mode & 0o777 != FILE_MODE:
            each.chmod(FILE_MODE)

    # mode=rw: sqlite must never make the file, an empty one opens without a word
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=patience
    )
    try:
        _configure(connection, path)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error) and is_damage(error):
            raise _UnfitError(str(error)) from error

        raise

    return connection


def _check_header(path: Path) -> None:
    """Read the marks without sqlite, which would write beside the file of a newer version."""
    with path.open("rb") as file:
        header = file.read(_HEADER.size)

    if len(header) < _HEADER.size:
        raise _UnfitError(f"it holds {len(header)} bytes")

    magic, version, application_id = _HEADER.unpack(header)
    if magic != _MAGIC:
        raise _UnfitError("it is not a database")

    if application_id != schema.APPLICATION_ID:
        raise _UnfitError("it is the database of another program")

    if version > schema.VERSION:
        raise RegistryError(
            f"The registry {path} was written by a newer version of this program (format "
            f"{version}, this one knows {schema.VERSION}): upgrade, or choose another workspace",
            path=str(path),
        )

    if version < schema.VERSION:
        raise _UnfitError(f"it has the unknown format {version}")


def _configure(connection: sqlite3.Connection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise RegistryError(
            f"The file system of {path} cannot hold the registry (no shared memory): put the "
            "workspace on a local one",
            path=str(path),
        )

    # NORMAL survives every crash but that of the machine, after which no process is left to own
    connection.execute("PRAGMA synchronous = NORMAL")
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise _UnfitError(verdict)


def _companions(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in _COMPANIONS]


def _set_aside(path: Path, reason: str) -> None:
    present = [each for each in (path, *_companions(path)) if each.exists()]
    if not present:
        return

    base = f"{path.name}.damaged-{datetime.now().astimezone():%Y%m%d-%H%M%S-%f}"
    for each in present:
        each.rename(path.with_name(base + each.name.removeprefix(path.name)))

    log.warning(
        "the registry %s cannot be used, %s; it now lies beside it as %s, and a new one is made",
        path,
        reason,
        base,
    )


def _make(path: Path) -> None:
    """Make the file under another name, so that nobody ever finds it half made."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    os.close(create_private(draft))
    connection = sqlite3.connect(draft, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.executescript(
            f"BEGIN; {schema.TABLES}"
            f"PRAGMA application_id = {schema.APPLICATION_ID};"
            f"PRAGMA user_version = {schema.VERSION};"
            "COMMIT;"
        )
    finally:
        connection.close()

    draft.replace(path)
