"""A nested copy of the server: passes bytes between its client and the one orchestrator.

Nothing but the standard library is imported, because agents wait for it, and there may be many.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
from typing import Any, Final, cast

STDIN: Final = 0
STDOUT: Final = 1
CHUNK: Final = 64 * 1024

#: Seconds for a live orchestrator to say who we are; one that was stopped for a while may take it.
HANDSHAKE_TIME: Final = 15

#: Bytes of its answer.
HANDSHAKE_MAX: Final = 4_096

#: Seconds for the last answers after end of input.
DRAIN_TIME: Final = 1.0

#: These end a relay at once and without a word, as they end any plain program.
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(socket_path: str, cookie: str) -> int | None:
    """Relay standard input and output until either side ends.

    Returns:
        None when there is no orchestrator behind the socket; no input has been read then, and the
        caller can serve by itself. Else an exit status: 0 when the client ended, 1 when the
        orchestrator refused us or went away first. Whoever is refused does not get a server of
        its own: an agent that has ended would have the rights of the user's own client there.
    """
    before = [(number, signal.signal(number, signal.SIG_DFL)) for number in SIGNALS]
    try:
        connected = _connect(socket_path, cookie)
    except PermissionError as refusal:
        sys.stderr.write(f"orchestrator relay: refused: {refusal}\n")
        return 1

    if connected is None:
        for number, handler in before:
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)

        return None

    connection, early = connected
    with connection:
        return _Relay(connection).run(early)


def _connect(path: str, cookie: str) -> tuple[socket.socket, bytes] | None:
    """Connect and say who we are; None when there is nobody.

    Raises:
        PermissionError: There is an orchestrator, and it does not take us.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Not settimeout: a non-blocking connect fails at once when many relays wait in line.
        _limit(connection, HANDSHAKE_TIME)
        connection.connect(path)
        said = json.dumps({"orchestrator": 1, "cookie": cookie})
        connection.sendall(said.encode() + b"\n")
        answer, early = _read_answer(connection)
        _limit(connection, 0)
    except (OSError, ValueError):
        connection.close()
        return None

    if "error" in answer:
        connection.close()
        raise PermissionError(answer["error"])

    if not answer.get("ok"):
        connection.close()
        return None

    return connection, early


def _limit(connection: socket.socket, seconds: int) -> None:
    """Let no operation wait longer; 0 for no limit."""
    limit = struct.pack("@ll", seconds, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)


def _read_answer(connection: socket.socket) -> tuple[dict[str, object], bytes]:
    received = b""
    while b"\n" not in received:
        data = connection.recv(HANDSHAKE_MAX)
        if not data or len(received) > HANDSHAKE_MAX:
            raise ValueError("no answer to the handshake")

        received += data

    line, _, early = received.partition(b"\n")
    answer: Any = json.loads(line)
    if not isinstance(answer, dict):
        raise ValueError("no answer to the handshake")  # noqa: TRY004  not the caller's mistake

    return cast("dict[str, object]", answer), early


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
