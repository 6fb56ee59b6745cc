"""How the file of the registry is found fit, made, or set aside."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Final, NamedTuple

from orchestrator.errors import RegistryError

from . import schema
from .atomic import FILE_MODE, FOLDER_MODE, make_private_folder
from .connecting import (
    HEADER_BYTES,
    PATIENCE,
    companions,
    connect,
    flaw,
    glance,
    read_header,
    read_marks,
)
from .faults import DamagedError, explained, is_damage
from .making import finish_making, make_file, salvage, set_companions_aside
from .migration import NoWayError, has_way_from, migrate
from .startlock import locked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .connecting import Glance, Marks

log = logging.getLogger("orchestrator.registry")

#: What sqlite may keep of the file in memory, taken as it is needed; KB.
_CACHE_KB: Final = 6_000


class _UnfitError(Exception):
    """The file is not a registry that can be used; the message says why."""


class Former(NamedTuple):
    """The file that a process has had open until now.

    Attributes:
        seen: What it looked like.
        distrusted: Files (device and number) that are set aside even if they look fit.
        fill: Puts what is known of it into a new one, before anybody finds that.
    """

    seen: Glance
    distrusted: frozenset[tuple[int, int] | None]
    fill: Callable[[sqlite3.Connection], object]


def open_file(
    path: Path, *, patience: float = PATIENCE, former: Former | None = None
) -> sqlite3.Connection:
    """Open the registry's file, made new when there is none.

    A file of an older version becomes one of this version. One that is empty, damaged or somebody
    else's is set aside under another name, with a warning in the log; what can still be read of it
    is in the new one. Several processes may do this at the same time.

    Args:
        path: The file.
        patience: How long to wait for another process, here and in each transaction; seconds.
        former: What was open until now, when that cannot be used any more.

    Raises:
        RegistryError: It belongs to a newer version of this program (it is left as it is), or the
            file system or another process does not let it be opened.
        DamagedError: It was damaged or deleted meanwhile; another attempt makes another one.
    """
    try:
        _make_folder(path.parent)
    except OSError as error:
        raise explained(error, path) from error

    try:
        with locked(path.parent / "lock", patience):
            return _open_or_make(path, patience, former)
    except FileNotFoundError as error:
        raise DamagedError(
            f"The registry {path} was deleted while it was opened: try again", path=str(path)
        ) from error
    except (OSError, sqlite3.Error) as error:
        raise explained(error, path) from error
    except _UnfitError as error:
        raise DamagedError(
            f"The registry {path} was damaged while it was made ({error}): try again",
            path=str(path),
        ) from error


def _make_folder(folder: Path) -> None:
    make_private_folder(folder)
    if folder.stat().st_mode & 0o777 != FOLDER_MODE:
        folder.chmod(FOLDER_MODE)


def _open_or_make(path: Path, patience: float, former: Former | None) -> sqlite3.Connection:
    finish_making(path)
    now = glance(path)
    in_use = former is not None and former.seen.file == now.file
    if former is not None and not in_use and former.seen.companions == now.companions:
        # sqlite would take them for a part of the file that is there now
        set_companions_aside(path)

    def fill(draft: sqlite3.Connection) -> None:
        if not in_use:
            salvage(path, patience, draft)

        if former is not None:
            former.fill(draft)

    if former is not None and now.file in former.distrusted:
        make_file(path, "it is not what it was", fill)

    try:
        return _open_fit(path, patience)
    except FileNotFoundError:
        # what a deleted file left behind would be taken for a part of the new one
        make_file(path, "it was deleted while in use", fill)
    except _UnfitError as error:
        make_file(path, str(error), fill)

    return _open_fit(path, patience)


def _open_fit(path: Path, patience: float) -> sqlite3.Connection:
    now = glance(path)
    if now.file is None:
        raise FileNotFoundError(path)

    # sqlite opens an empty file without a word
    if now.size < HEADER_BYTES:
        raise _UnfitError(f"it holds {now.size} bytes")

    # sqlite would write into the file of a newer version, and of another program
    header = read_header(path)
    if header is not None:
        _check_marks(header, path)

    connection = connect(path, patience)
    try:
        _check_marks(read_marks(connection), path)
        for each in (path, *companions(path)):
            if each.exists() and each.stat().st_mode & 0o777 != FILE_MODE:
                each.chmod(FILE_MODE)

        _configure(connection, path)
        former = migrate(connection)
    except BaseException as error:
        connection.close()
        if is_damage(error) or isinstance(error, NoWayError):
            raise _UnfitError(str(error)) from error

        raise

    if former is not None:
        log.info("the registry %s: of format %d until now, %d since", path, former, schema.VERSION)

    return connection


def _check_marks(marks: Marks, path: Path) -> None:
    if marks.application != schema.APPLICATION_ID:
        raise _UnfitError("it is the database of another program")

    if marks.version > schema.VERSION:
        raise RegistryError(
            f"The registry {path} was written by a newer version of this program (format "
            f"{marks.version}, this one knows {schema.VERSION}): upgrade, or choose another "
            "workspace",
            path=str(path),
        )

    if not has_way_from(marks.version):
        raise _UnfitError(f"it has the unknown format {marks.version}")


def _configure(connection: sqlite3.Connection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise RegistryError(
            f"The file system of {path} cannot hold the registry (no shared memory): put the "
            "workspace on a local one",
            path=str(path),
        )

    # a thousand agents are 2 MB: with what sqlite keeps by itself, each look reads them anew
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
    # NORMAL survives every crash but that of the machine, after which no process is left to own
    connection.execute("PRAGMA synchronous = NORMAL")
    found = flaw(connection)
    if found is not None:
        raise _UnfitError(found)
