"""What the errors of sqlite and of the file system mean for the one who reads them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from orchestrator.errors import RegistryError

if TYPE_CHECKING:
    from pathlib import Path

_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

#: How errors begin that have no code of their own.
_TELLING: Final = ("no such table", "Could not decode to UTF-8")

#: The shared memory beside the file cannot be made larger, which the disk being full explains.
_SHM_SIZE: Final = sqlite3.SQLITE_IOERR_SHMSIZE

_ROOM: Final = "make room on the disk and try again; nothing was changed"
_MEND: Final = "it is set aside and made anew"

_ADVICE: Final = {
    sqlite3.SQLITE_FULL: _ROOM,
    _SHM_SIZE: _ROOM,
    sqlite3.SQLITE_BUSY: "another process kept it locked; try again, nothing was changed",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "check that its folder is there and can be written",
    sqlite3.SQLITE_CORRUPT: _MEND,
    sqlite3.SQLITE_NOTADB: _MEND,
}


class DamagedError(RegistryError):
    """The file does not hold what it held; going over to a sound one helps."""


class FullError(RegistryError):
    """There is no room for a change; bringing the log into the file may make some."""


def is_damage(error: BaseException) -> bool:
    """Whether it says that the content of the file is wrong.

    So does a file that is too short for what its log promises, or that lacks our tables, or holds
    text that is none.
    """
    if not isinstance(error, sqlite3.Error):
        return False

    code = _code(error)
    return (
        code & 0xFF in _DAMAGE
        or code == sqlite3.SQLITE_IOERR_SHORT_READ
        or str(error).startswith(_TELLING)
    )


def is_busy(error: sqlite3.Error) -> bool:
    """Whether it says that another process holds a lock."""
    return _code(error) & 0xFF == sqlite3.SQLITE_BUSY


def explained(error: OSError | sqlite3.Error, path: Path) -> RegistryError:
    """Return the error that says which file it is about and what to do."""
    code = _code(error)
    fallback = "check its folder, or choose another workspace"
    what = _ADVICE.get(code, _ADVICE.get(code & 0xFF, fallback))
    kind = RegistryError
    # between two looks somebody may have deleted it, or set it aside for a new one
    vanished = code & 0xFF == sqlite3.SQLITE_CANTOPEN and not path.exists()
    if is_damage(error) or vanished:
        kind = DamagedError
    elif code & 0xFF == sqlite3.SQLITE_FULL:
        kind = FullError

    said = f"{error} {getattr(error, 'sqlite_errorname', None)}"
    return kind(f"The registry {path} cannot be used ({said}): {what}", path=str(path))


def _code(error: OSError | sqlite3.Error) -> int:
    # the higher bytes only refine it; errors that do not come from sqlite itself have none
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code
