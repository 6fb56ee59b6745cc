"""The relay of a durable agent: when its orchestrator goes away, it waits for the next one."""

from __future__ import annotations

import os
import select
import time
from typing import Final

from .answers import (
    NOT_THERE,
    TOO_LONG,
    TOO_MANY,
    WENT_AWAY,
    Failure,
    error_answer,
    refused,
)
from .client import STDIN, STDOUT, Client, ClientGoneError
from .connection import Connection
from .conversation import Conversation
from .handshake import HANDSHAKE_TIME, RefusedError, StrangerError
from .held import HOLD, Held
from .messages import Message, read_message
from .pacing import Pacing

STDERR: Final = 2

#: Seconds for the last answers after end of input.
DRAIN_TIME: Final = 1.0

#: Bytes that may wait for a client that does not read; then nothing more is read for it.
BACKLOG_MAX: Final = 1024 * 1024


def main(address: str, cookie: str, *, hold: float = HOLD) -> int:
    """Relay until the client ends, from one orchestrator to the next.

    Args:
        address: A symbolic link to the socket of the present orchestrator.
        cookie: Whose relay this is.
        hold: Seconds that a message waits for an orchestrator.

    Returns:
        The exit status: 0 when the client ended, 1 when an orchestrator refused us.
    """
    try:
        os.fstat(STDIN)
        os.fstat(STDOUT)
    except OSError:
        # Without both there is no client, and a connection would get the missing number.
        return 0

    return _Relay(address, cookie, hold).run()


class _Relay:
    """Everything in one thread that waits in one place, so that no side can hold up the other."""

    def __init__(self, address: str, cookie: str, hold: float) -> None:
        self._address = address
        self._cookie = cookie
        self._client = Client()
        self._held = Held(hold)
        self._conversation = Conversation()
        self._connection: Connection | None = None
        self._pacing = Pacing()
        self._patience = 0.0
        self._complained = False
        self._leave_by = float("inf")
        self._status: int | None = None

    @property
    def _ready(self) -> bool:
        return self._connection is not None and self._connection.ready

    def run(self) -> int:
        try:
            while (status := self._look_at_the_clock(time.monotonic())) is None:
                self._turn()
        except ClientGoneError:
            status = 0
        finally:
            self._disconnect()

        return status

    def _turn(self) -> None:
        """Wait until something can be done, and do it."""
        readable, _, _ = select.select(self._readers(), self._writers(), [], self._time())
        if STDIN in readable:
            self._take_input()

        if self._connection in readable:
            self._listen()

        self._talk()
        self._client.flush()

    # ------------------------------------------------------------------ what is waited for
    def _readers(self) -> list[int | Connection]:
        readers: list[int | Connection] = []
        if self._status is not None:
            return readers

        slow = self._client.backlog > BACKLOG_MAX
        if not self._client.ended and not self._is_busy(slow=slow):
            readers.append(STDIN)

        if self._connection is not None and not slow:
            readers.append(self._connection)

        return readers

    def _is_busy(self, *, slow: bool) -> bool:
        """Tell whether the client has to wait until it is read again."""
        if self._connection is not None and self._connection.torn:
            # An answer of our own would land in the middle of a line.
            return True

        return len(self._held) > 0 if self._ready else slow

    def _writers(self) -> list[int | Connection]:
        writers: list[int | Connection] = [STDOUT] if self._client.backlog else []
        connection = self._connection
        if connection is not None and (connection.pending or (self._ready and self._held)):
            writers.append(connection)

        return writers

    def _time(self) -> float | None:
        """Return the seconds until the clock has to be looked at; None for never."""
        ends = [self._leave_by]
        if self._status is None and not self._ready:
            ends.append(self._pacing.next_try if self._connection is None else self._patience)
            ends.append(self._held.next_end())

        end = min(ends)
        return None if end == float("inf") else max(0.0, end - time.monotonic())

    def _look_at_the_clock(self, now: float) -> int | None:
        """Do what is due; returns the exit status if this is the end."""
        if self._status is None and not self._ready:
            if self._connection is None and now >= self._pacing.next_try:
                self._connect(now)
            elif self._connection is not None and now >= self._patience:
                self._lose()

            for message in self._held.pop_overdue(now):
                self._decline(message, NOT_THERE)

        if now >= self._leave_by:
            return self._status or 0

        return None if self._client.backlog else self._status

    # ------------------------------------------------------------------ from the client
    def _take_input(self) -> None:
        now = time.monotonic()
        for line, whole in self._client.read():
            if whole:
                self._take(read_message(line, now))
            elif line.endswith(b"\n"):
                self._client.tell(error_answer(None, TOO_LONG))

        if self._client.ended:
            self._leave_by = now + DRAIN_TIME
            if self._connection is None:
                self._leave(0, NOT_THERE)

    def _take(self, message: Message) -> None:
        if message.answers and not self._conversation.awaits(message):
            return

        if message.cancels is not None and self._held.remove(message.cancels):
            return

        if self._ready or self._held.has_room(message):
            self._held.put(message)
        else:
            self._decline(message, TOO_MANY)

    def _decline(self, message: Message, failure: Failure) -> None:
        if message.asks:
            self._client.tell(error_answer(message.id, failure))

    # ------------------------------------------------------------------ to the orchestrator
    def _connect(self, now: float) -> None:
        try:
            self._connection = Connection(self._address, self._cookie)
        except (OSError, ValueError):
            self._wait_for_the_next()
        else:
            self._patience = now + HANDSHAKE_TIME

    def _talk(self) -> None:
        """Pass on what can be sent now, and the end of input behind it."""
        connection = self._connection
        if connection is None:
            return

        try:
            while connection.flush() and self._ready and (message := self._held.first()):
                if not connection.begin(message.line):
                    break

                self._conversation.passed(self._held.pop())
        except OSError:
            # What it said before it ended can still be read.
            while connection is self._connection and self._listen():
                pass

            if connection is self._connection:
                self._lose()

            return

        if self._client.ended and self._ready and not self._held and not connection.pending:
            connection.end()

    # ------------------------------------------------------------------ from the orchestrator
    def _listen(self) -> bool:
        """Take what the orchestrator says; False when that is all for now."""
        connection = self._connection
        if connection is None:
            return False

        try:
            lines = connection.receive()
        except BlockingIOError:
            return False
        except RefusedError as refusal:
            _report(f"refused: {refusal}")
            self._leave(1, refused(refusal))
            return False
        except (OSError, EOFError, StrangerError):
            self._lose()
            return False

        if connection.shaken and not connection.greeted:
            connection.greeted = True
            greeting = self._conversation.greeting()
            if greeting is None:
                self._begin(connection)
            else:
                connection.put(greeting)

        for line, whole in lines:
            self._hear(connection, line, whole=whole)

        return True

    def _hear(self, connection: Connection, line: bytes, *, whole: bool) -> None:
        if not whole:
            self._client.tell(line)
            return

        message = read_message(line)
        if not connection.ready and self._conversation.is_greeted(message):
            initialized, complaint = self._conversation.resume(message)
            connection.put(initialized)
            if complaint is not None:
                _report(complaint)

            self._begin(connection)
            return

        self._conversation.heard(message)
        self._client.tell(line)
        if connection.ready:
            self._pacing.proved()

    def _begin(self, connection: Connection) -> None:
        """Let what is held be passed on, and everything from now on."""
        connection.ready = True
        self._pacing.succeeded(time.monotonic())
        if self._complained:
            _report("there is an orchestrator again")
            self._complained = False

    # ------------------------------------------------------------------ ends
    def _lose(self) -> None:
        """Give the connection up, leave no request unanswered, and wait for the next one."""
        if self._connection is not None and self._connection.torn:
            self._client.tell(b"\n")

        self._disconnect()
        unanswered, again = self._conversation.interrupt()
        for request_id in unanswered:
            self._client.tell(error_answer(request_id, WENT_AWAY))

        self._held.put_back(again)
        if self._client.ended:
            self._leave(0, NOT_THERE)
        else:
            self._wait_for_the_next()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()

        self._connection = None

    def _wait_for_the_next(self) -> None:
        if not self._complained:
            _report(f"no orchestrator answers at {self._address}; waiting for the next one")
            self._complained = True

        self._pacing.failed(time.monotonic())

    def _leave(self, status: int, failure: Failure) -> None:
        """End as soon as the client has taken its last answers, or after a while."""
        self._disconnect()
        while self._held:
            self._decline(self._held.pop(), failure)

        self._status = status
        self._leave_by = min(self._leave_by, time.monotonic() + DRAIN_TIME)


def _report(words: str) -> None:
    """Say something on standard error, unless nobody takes it: no client waits for that."""
    try:
        if select.select([], [STDERR], [], 0)[1]:
            os.write(STDERR, f"orchestrator relay: {words}\n".encode())
    except OSError:
        return
