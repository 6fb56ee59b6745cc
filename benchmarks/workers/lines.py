"""What workers share: requests in lines, answers in lines, and memory that is held."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

_CHUNK: Final = 1 << 16
_MB: Final = 1_000_000


def requests() -> Generator[dict[str, Any]]:
    """Yield what standard input asks for, line by line, until its end."""
    lines = _Lines()
    while data := os.read(0, _CHUNK):
        yield from lines.take(data)


async def requests_async() -> AsyncGenerator[dict[str, Any]]:
    """Yield the same, and let others run meanwhile; needs anyio."""
    # The workers that are not async should not load it.
    import anyio  # noqa: PLC0415

    lines = _Lines()
    while True:
        await anyio.wait_readable(0)
        data = os.read(0, _CHUNK)
        if not data:
            return

        for request in lines.take(data):
            yield request


def answer(message: dict[str, Any]) -> None:
    """Write an answer."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def held(megabytes: int) -> bytes:
    """Return so much memory, every page of it touched."""
    return b"\x01" * (megabytes * _MB)


class _Lines:
    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[dict[str, Any]]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]
