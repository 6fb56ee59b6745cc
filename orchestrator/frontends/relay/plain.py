"""The relay of an agent that ends with its orchestrator: bytes, as they are."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import sys
import threading
from typing import Final

from .handshake import (
    HANDSHAKE_MAX,
    HANDSHAKE_TIME,
    RefusedError,
    StrangerError,
    introduction,
    read_answer,
)

STDIN: Final = 0
STDOUT: Final = 1
CHUNK: Final = 64 * 1024

#: Seconds for the last answers after end of input.
DRAIN_TIME: Final = 1.0


def main(socket_path: str, cookie: str) -> int | None:
    """Relay until either side ends; see the package.

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
    with connection:
        return _Relay(connection).run(early)


def _connect(path: str, cookie: str) -> tuple[socket.socket, bytes] | None:
    """Connect and say who we are; None when there is nobody.

    Raises:
        RefusedError: There is an orchestrator, and it does not take us.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
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


def _limit(connection: socket.socket, seconds: int) -> None:
    """Let no operation wait longer; 0 for no limit."""
    limit = struct.pack("@ll", seconds, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)


def _read_answer(connection: socket.socket) -> bytes:
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

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._input_ended = threading.Event()
        self._over = threading.Event()

    def run(self, early: bytes) -> int:
        threading.Thread(target=self._pass_input, daemon=True).start()
        try:
            _write(early)
            while data := self._receive():
                _write(data)
        except OSError:
            # The client takes no answers any more, so it is gone.
            return 0
        finally:
            self._over.set()

        if self._input_ended.is_set():
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

        self._input_ended.set()
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

        if not self._over.wait(DRAIN_TIME):
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
