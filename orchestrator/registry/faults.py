"""What the errors of sqlite and of the file system mean for the one who reads them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from orchestrator.errors import RegistryError

if TYPE_CHECKING:
    from pathlib import Path

_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def is_damage(error: sqlite3.Error) -> bool:
    """Whether it says that the content of the file is wrong."""
    return _primary_code(error) in _DAMAGE


def explained(error: OSError | sqlite3.Error, path: Path) -> RegistryError:
    """Return the error that says which file it is about and what to do."""
    advice = {
        sqlite3.SQLITE_FULL: "make room on the disk and try again; nothing was changed",
        sqlite3.SQLITE_BUSY: "another process kept it locked; try again, nothing was changed",
        sqlite3.SQLITE_READONLY: "make the file and its folder writable",
        sqlite3.SQLITE_CANTOPEN: "check that its folder is there and can be written",
        sqlite3.SQLITE_CORRUPT: "stop every orchestrator; the next start sets it aside",
        sqlite3.SQLITE_NOTADB: "stop every orchestrator; the next start sets it aside",
    }
    fallback = "check its folder, or choose another workspace"
    what = advice.get(_primary_code(error), fallback)
    return RegistryError(f"The registry {path} cannot be used ({error}): {what}", path=str(path))


def _primary_code(error: OSError | sqlite3.Error) -> int:
    # the higher bytes only refine it; errors that do not come from sqlite itself have none
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
