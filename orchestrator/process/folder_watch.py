"""Being told by the kernel that a name in a folder now stands for another file, or for none."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import anyio

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

# <sys/inotify.h>
_IN_MOVED_FROM: Final = 0x40
_IN_MOVED_TO: Final = 0x80
_IN_CREATE: Final = 0x100
_IN_DELETE: Final = 0x200
_IN_Q_OVERFLOW: Final = 0x4000
_IN_IGNORED: Final = 0x8000
_CHANGES: Final = _IN_MOVED_FROM | _IN_MOVED_TO | _IN_CREATE | _IN_DELETE
_EVENT: Final = struct.Struct("iIII")

_CHUNK: Final = 65536


class FolderWatch:
    """A folder that is watched; made by `watch_folder`."""

    def __init__(self, descriptor: int) -> None:
        """Own the descriptor of an inotify instance with one watch."""
        self._descriptor = descriptor

    async def wait_changed(self, name: str | None = None) -> bool:
        """Wait until this name was given to another file, or taken away.

        Args:
            name: Which name; None for any.

        Returns:
            False when nothing more will be told: the folder itself is gone.
        """
        wanted = None if name is None else os.fsencode(name)
        while True:
            await anyio.wait_readable(self._descriptor)
            try:
                data = os.read(self._descriptor, _CHUNK)
            except BlockingIOError:
                continue

            seen = list(_events(data))
            if any(mask & _IN_IGNORED for mask, _ in seen):
                return False

            if wanted is None or any(
                mask & _IN_Q_OVERFLOW or found == wanted for mask, found in seen
            ):
                return True


@contextmanager
def watch_folder(folder: Path) -> Generator[FolderWatch | None]:
    """Watch a folder for the length of the block; None where the system does not offer it."""
    descriptor = _open(folder)
    if descriptor is None:
        yield None
        return

    try:
        yield FolderWatch(descriptor)
    finally:
        os.close(descriptor)


def _open(folder: Path) -> int | None:
    if not sys.platform.startswith("linux"):
        return None

    library = ctypes.CDLL(None)
    descriptor = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        return None

    if library.inotify_add_watch(descriptor, os.fsencode(folder), _CHANGES) < 0:
        os.close(descriptor)
        return None

    return descriptor


def _events(data: bytes) -> Generator[tuple[int, bytes]]:
    """Each event's mask, and the name that it is about."""
    at = 0
    while at < len(data):
        _, mask, _, length = _EVENT.unpack_from(data, at)
        at += _EVENT.size
        yield mask, data[at : at + length].rstrip(b"\0")
        at += length
