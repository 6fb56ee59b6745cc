"""The orchestrator's end of a relay: one connection, which is never waited for."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Final

from .handshake import introduction, read_answer
from .lines import LineCutter

CHUNK: Final = 64 * 1024


class Connection:
    """A connection, from the handshake on.

    Attributes:
        shaken: Whether the orchestrator has taken us.
        greeted: Whether it is told, if need be, how the conversation began.
        ready: Whether it knows that. Only then messages are passed on.
        pending: What could not be sent yet.
    """

    def __init__(self, address: str, cookie: str) -> None:
        """Connect and say who we are.

        Args:
            address: A symbolic link to the socket, which is read anew each time. It may be at a
                path that is too long for a socket.
            cookie: Whose relay this is.

        Raises:
            OSError: There is nobody.
        """
        path = os.readlink(address)  # noqa: PTH115  pathlib is not loaded here
        self.shaken = False
        self.greeted = False
        self.ready = False
        self.pending = memoryview(introduction(cookie))
        self._received = b""
        self._lines = LineCutter()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.setblocking(False)  # noqa: FBT003  the method takes it so
            self._socket.connect(path)
        except BaseException:
            self._socket.close()
            raise

    @property
    def torn(self) -> bool:
        """Whether the client has been told the beginning of a line that is not complete."""
        return self._lines.torn

    def fileno(self) -> int:
        """Return the descriptor, for select."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    # ------------------------------------------------------------------ to the orchestrator
    def put(self, data: bytes) -> None:
        """Let this be sent after what is pending."""
        self.pending = memoryview(bytes(self.pending) + data)

    def flush(self) -> bool:
        """Send as much as can be sent now of what is pending; True when that is all.

        Raises:
            OSError: It is lost.
        """
        return not self.pending or (self.begin(self.pending) and not self.pending)

    def begin(self, data: bytes | memoryview) -> bool:
        """Send as much as can be sent now, the rest being pending; False when that is nothing.

        Raises:
            OSError: It is lost.
        """
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            return False

        self.pending = memoryview(data)[sent:]
        return True

    def end(self) -> None:
        """Say that nothing more will be said."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    # ------------------------------------------------------------------ from it
    def receive(self) -> list[tuple[bytes, bool]]:
        """Receive what there is, as `LineCutter.feed` returns it.

        Raises:
            BlockingIOError: There is nothing now.
            EOFError: It has ended.
            OSError: It is lost.
            RefusedError: The orchestrator does not take us.
            StrangerError: It is no orchestrator.
        """
        data = self._socket.recv(CHUNK)
        if not data:
            raise EOFError

        if self.shaken:
            return self._lines.feed(data)

        self._received += data
        early = read_answer(self._received)
        if early is None:
            return []

        self.shaken = True
        self._received = b""
        return self._lines.feed(early)
