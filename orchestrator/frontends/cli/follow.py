"""Passing on what is appended to a file, without ever blocking the event loop."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import anyio

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK: Final = 1 << 16

#: What a pipe takes for sure, without blocking, when it says that it takes something.
_PIPE_BUF: Final = 4_096

#: Seconds between two looks at a file that grows.
_POLL: Final = 0.03


async def follow(path: Path, descriptor: int, ended: anyio.Event) -> None:
    """Copy what the file holds, and what is added to it until the event is set.

    Raises:
        BrokenPipeError: Nobody reads it any more.
        OSError: It cannot be written.
    """
    with path.open("rb") as file:
        while True:
            last = ended.is_set()
            while data := file.read(_CHUNK):
                await _write(descriptor, data)

            if last:
                return

            with anyio.move_on_after(_POLL):
                await ended.wait()


async def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        length = _PIPE_BUF if await _wait_writable(descriptor) else len(rest)
        rest = rest[os.write(descriptor, rest[:length]) :]


async def _wait_writable(descriptor: int) -> bool:
    """Wait until something can be written; False for what needs no waiting, as files do not."""
    try:
        await anyio.wait_writable(descriptor)
    except PermissionError:
        # epoll's word for a regular file.
        await anyio.lowlevel.checkpoint()
        return False

    return True
