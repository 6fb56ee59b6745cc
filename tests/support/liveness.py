"""Seeing processes live and die from outside: a listener that each of them holds a connection to.

A connection ends when everyone who holds it has ended, however that came about; so the end of
all connections is the end of all processes, told by the kernel, without asking after pids.
"""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.abc import TaskGroup

#: The variable that tells agents where to connect; see ``tests/agents/alive.py``.
VARIABLE: Final = "LIVENESS"


class Guest:
    """One process that said hello.

    Attributes:
        word: What it calls itself, e.g. ``leader``.
        pid: Its process id.
    """

    def __init__(self, word: str, pid: int, connection: socket.socket) -> None:
        self.word = word
        self.pid = pid
        self._connection = connection

    @property
    def here(self) -> bool:
        """Whether it, or a child that got the connection from it, still lives.

        The kernel is asked: the task that waits for the end may not have had its turn.
        """
        try:
            return self._connection.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:  # reset, or closed since
            return False

    def __repr__(self) -> str:
        return f"<{self.word} {self.pid} {'here' if self.here else 'gone'}>"


class Liveness:
    """Everyone who said hello; made by `open_liveness`."""

    def __init__(self, listener: socket.socket, group: TaskGroup) -> None:
        self._listener = listener
        self._group = group
        self._news = anyio.Event()
        self.guests: list[Guest] = []
        host, port = listener.getsockname()
        self.env = {VARIABLE: f"{host}:{port}"}

    def here(self) -> list[Guest]:
        """Those who live."""
        return [guest for guest in self.guests if guest.here]

    def pid(self, word: str) -> int:
        """The pid of the last one that called itself so."""
        return [guest.pid for guest in self.guests if guest.word == word][-1]

    async def wait_here(self, *words: str, times: int = 1) -> None:
        """Wait until each of these words was said so often."""
        while any(sum(g.word == word for g in self.guests) < times for word in words):
            await self._news.wait()

    async def wait_gone(self, *words: str) -> None:
        """Wait until nobody lives that calls itself so; without words, nobody at all."""
        while any(not words or guest.word in words for guest in self.here()):
            await self._news.wait()

    async def listen(self) -> None:
        """Take hellos until cancelled."""
        while True:
            await anyio.wait_readable(self._listener)
            connection, _ = self._listener.accept()
            self._group.start_soon(self._attend, connection)

    async def _attend(self, connection: socket.socket) -> None:
        with connection:
            connection.setblocking(False)  # noqa: FBT003  the method takes it so
            while True:
                await anyio.wait_readable(connection)
                try:
                    data = connection.recv(256)
                except ConnectionError:
                    data = b""

                if not data:
                    break

                word, _, pid = data.decode().strip().partition(" ")
                self.guests.append(Guest(word, int(pid), connection))
                self._tell()

        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = anyio.Event()


@asynccontextmanager
async def open_liveness() -> AsyncGenerator[Liveness]:
    """Listen on loopback for the length of the block."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        listener.setblocking(False)  # noqa: FBT003  the method takes it so
        async with anyio.create_task_group() as group:
            liveness = Liveness(listener, group)
            group.start_soon(liveness.listen)
            yield liveness
            group.cancel_scope.cancel()
