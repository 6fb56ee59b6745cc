"""The client's end of a relay: standard input and output, which are never waited for."""

from __future__ import annotations

import os
import select
from typing import Final

from .lines import LineCutter

STDIN: Final = 0
STDOUT: Final = 1
CHUNK: Final = 64 * 1024


class ClientGoneError(Exception):
    """The client takes no answers any more."""


class Client:
    """Reads its lines, and keeps what it has not taken yet.

    Attributes:
        ended: Whether it has nothing more to say.
    """

    def __init__(self) -> None:
        """Begin with the input open."""
        self.ended = False
        self._lines = LineCutter()
        self._out = bytearray()

    @property
    def backlog(self) -> int:
        """The bytes that it has not taken yet."""
        return len(self._out)

    def read(self) -> list[tuple[bytes, bool]]:
        """Read what there is of the input, as `LineCutter.feed` returns it."""
        try:
            data = os.read(STDIN, CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            data = b""

        if data:
            return self._lines.feed(data)

        self.ended = True
        return self._lines.end()

    def tell(self, data: bytes) -> None:
        """Say something to the client, as soon as it takes it."""
        self._out += data

    def flush(self) -> None:
        """Write as much as it takes now.

        Raises:
            ClientGoneError: It takes nothing any more.
        """
        try:
            while self._out and select.select([], [STDOUT], [], 0)[1]:
                # The descriptor is shared and stays blocking. So much never blocks.
                written = os.write(STDOUT, self._out[: select.PIPE_BUF])
                del self._out[:written]
        except BlockingIOError:
            return
        except OSError as error:
            raise ClientGoneError from error
