"""A keeper's connection to its orchestrator, and the door by which the next one comes in."""

from __future__ import annotations

import os
import select
import socket
import struct
import sys

from . import tree
from .wire import LineBuffer, send

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container
    from typing import Any

_CHUNK = 65536
_PRIVATE = 0o600

#: Callers that may stand at the door at one time; the oldest is sent away for one more.
_CALLERS_MAX = 8

_CREDENTIALS = struct.Struct("3i")


class Lifeline:
    """The connection whose end means that the orchestrator is gone.

    Attributes:
        connected: There is an orchestrator at the other end.
        has_door: Another orchestrator can come in.
    """

    def __init__(self, channel: int, poll: select.poll) -> None:
        """Own the channel, and have it watched."""
        self.connected = True
        self.has_door = False
        self._channel = channel
        self._poll = poll
        self._lines = LineBuffer()
        self._door: socket.socket | None = None
        self._path = ""
        self._callers: dict[int, LineBuffer] = {}
        poll.register(channel, select.POLLIN)

    def open_door(self, path: str) -> None:
        """Listen for other orchestrators; what lies at the path from earlier is replaced.

        Raises:
            OSError: Nobody can listen there.
        """
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _bind(door, path)
            door.listen(_CALLERS_MAX)
        except OSError:
            door.close()
            raise

        door.setblocking(False)  # noqa: FBT003  the method takes it so
        self._poll.register(door.fileno(), select.POLLIN)
        self._door, self._path = door, path
        self.has_door = True

    def close_door(self) -> None:
        """Let nobody in any more."""
        if self._door is None:
            return

        self._door.close()
        self._door = None
        _unlink(self._path)

    def tell(self, event: dict[str, object]) -> None:
        """Say something; when nobody listens any more, that is for `take` to find out."""
        if self.connected:
            # What must not be lost is on disk.
            send(self._channel, event)

    def take(self, ready: Container[int]) -> list[dict[str, Any]]:
        """Return what was said, given the descriptors that are readable.

        Two messages are made here: ``{"op": "lost"}`` when the orchestrator has gone, and
        ``{"op": "adopt"}`` when another one has taken its place.
        """
        messages: list[dict[str, Any]] = []
        if self.connected and self._channel in ready:
            messages += self._listen()

        for caller in [each for each in self._callers if each in ready]:
            messages += self._hear(caller)

        if self._door is not None and self._door.fileno() in ready:
            self._let_in(self._door)

        return messages

    def _listen(self) -> list[dict[str, Any]]:
        try:
            data = os.read(self._channel, _CHUNK)
        except OSError:
            data = b""

        if data:
            return self._lines.feed(data)

        self.connected = False
        self._poll.unregister(self._channel)
        os.close(self._channel)
        return [{"op": "lost"}]

    def _let_in(self, door: socket.socket) -> None:
        try:
            caller, _ = door.accept()
        except OSError:
            return

        if not _is_ours(caller):
            caller.close()
            return

        caller.setblocking(True)  # noqa: FBT003
        self._callers[caller.fileno()] = LineBuffer()
        self._poll.register(caller.detach(), select.POLLIN)
        if len(self._callers) > _CALLERS_MAX:
            self._send_away(next(iter(self._callers)))

    def _hear(self, caller: int) -> list[dict[str, Any]]:
        try:
            data = os.read(caller, _CHUNK)
            messages = self._callers[caller].feed(data) if data else [{"op": "bye"}]
        except (OSError, ValueError):
            messages = [{"op": "bye"}]

        # An orchestrator says it in one go.
        if not messages or messages[0].get("op") != "adopt":
            self._send_away(caller)
            return []

        if self.connected:
            self._poll.unregister(self._channel)
            os.close(self._channel)

        self.connected = True
        self._channel, self._lines = caller, self._callers.pop(caller)
        return messages

    def _send_away(self, caller: int) -> None:
        del self._callers[caller]
        self._poll.unregister(caller)
        os.close(caller)


def _bind(door: socket.socket, path: str) -> None:
    # A socket's path holds 107 bytes, and a workspace may lie deeper: so it is named from inside
    # its folder.
    folder, name = os.path.split(path)
    before = os.getcwd()  # noqa: PTH109  pathlib is not loaded here
    os.chdir(folder)
    try:
        _unlink(name)
        door.bind(name)
        os.chmod(name, _PRIVATE)  # noqa: PTH101
    finally:
        os.chdir(before)


def _is_ours(caller: socket.socket) -> bool:
    if not sys.platform.startswith("linux"):
        return True  # the folder lets nobody else in

    credentials = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(credentials)
    return uid in {0, os.getuid()} and not _is_below(pid)


def _is_below(pid: int) -> bool:
    """Whether a caller is the agent itself or of its making; one that has gone may have been."""
    while pid > 1:
        proc = tree.read(pid)
        if proc is None or pid == os.getpid():
            return True

        pid = proc.ppid

    return False


def _unlink(path: str) -> None:
    try:
        os.unlink(path)  # noqa: PTH108  pathlib is not loaded here
    except OSError:
        return
