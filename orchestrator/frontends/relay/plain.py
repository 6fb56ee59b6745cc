"""The relay of an agent that ends with its orchestrator: bytes, as they are.

An agent's CLI waits until it has started, so it loads next to nothing: the C modules below
`socket` and `threading`, which take longer to load than Python itself does to start.
"""

from __future__ import annotations

import _socket
import _thread
import os
import select
import struct
import sys

from .handshake import (
    HANDSHAKE_MAX,
    HANDSHAKE_TIME,
    RefusedError,
    StrangerError,
    introduction,
    read_answer,
)

#: Type checkers take it for true. `typing` itself would take half of a relay's start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

STDIN: Final = 0
STDOUT: Final = 1
CHUNK: Final = 64 * 1024

#: Seconds for the last answers after end of input.
DRAIN_TIME: Final = 1.0


def main(socket_path: str, cookie: str, begun: Callable[[], object]) -> int | None:
    """Relay until either side ends; see the package.

    Args:
        socket_path: The orchestrator's socket.
        cookie: Whose relay this is.
        begun: Called once input is passed on.

    Returns:
        None when there is no orchestrator behind the socket; no input has been read then. Else an
        exit status.
    """
    try:
        connected = _connect(socket_path, cookie)
    except RefusedError as refusal:
        sys.stderr.write(f"orchestrator relay: refused: {refusal}\n")
        return 1

    if connected is None:
        return None

    connection, early = connected
    try:
        return _Relay(connection).run(early, begun)
    finally:
        connection.close()


def _connect(path: str, cookie: str) -> tuple[_socket.socket, bytes] | None:
    """Connect and say who we are; None when there is nobody.

    Raises:
        RefusedError: There is an orchestrator, and it does not take us.
    """
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        # Not settimeout: a non-blocking connect fails at once when many relays wait in line.
        _limit(connection, HANDSHAKE_TIME)
        connection.connect(path)
        connection.sendall(introduction(cookie))
        early = _read_answer(connection)
        _limit(connection, 0)
    except RefusedError:
        connection.close()
        raise
    except (OSError, ValueError, StrangerError):
        connection.close()
        return None

    return connection, early


def _limit(connection: _socket.socket, seconds: int) -> None:
    """Let no operation wait longer; 0 for no limit."""
    limit = struct.pack("@ll", seconds, 0)
    connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, limit)
    connection.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVTIMEO, limit)


def _read_answer(connection: _socket.socket) -> bytes:
    """Wait for the answer to the handshake, and return what follows it."""
    received = b""
    early = None
    while early is None:
        data = connection.recv(HANDSHAKE_MAX)
        if not data:
            raise StrangerError("no answer to the handshake")

        received += data
        early = read_answer(received)

    return early


class _Relay:
    """The two directions: input in a thread of its own, answers in the main one."""

    def __init__(self, connection: _socket.socket) -> None:
        self._connection = connection
        self._input_ended = False
        # Held until the relay is over.
        self._going_on = _thread.allocate_lock()
        self._going_on.acquire()

    def run(self, early: bytes, begun: Callable[[], object]) -> int:
        _thread.start_new_thread(self._pass_input, ())
        begun()
        try:
            _write(early)
            while data := self._receive():
                _write(data)
        except OSError:
            # The client takes no answers any more, so it is gone.
            return 0
        finally:
            self._going_on.release()

        if self._input_ended:
            return 0

        sys.stderr.write("orchestrator relay: the orchestrator went away\n")
        sys.stderr.flush()
        return 1

    def _pass_input(self) -> None:
        while data := _read():
            try:
                self._connection.sendall(data)
            except OSError:
                # The main thread sees it too, and ends the relay.
                return

        self._input_ended = True
        try:
            self._connection.shutdown(_socket.SHUT_WR)
        except OSError:
            return

        if not self._going_on.acquire(timeout=DRAIN_TIME):
            # The main thread may be blocked by a client that does not read.
            os._exit(0)

    def _receive(self) -> bytes:
        try:
            return self._connection.recv(CHUNK)
        except OSError:
            return b""


def _read() -> bytes:
    """Read what there is of the input; b"" at its end, and when it cannot be read."""
    while True:
        try:
            return os.read(STDIN, CHUNK)
        except BlockingIOError:
            select.select([STDIN], [], [])
        except OSError:
            return b""


def _write(data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(STDOUT, rest) :]
        except BlockingIOError:
            select.select([], [STDOUT], [])
