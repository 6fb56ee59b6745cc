"""Relays from outside: this process is the orchestrator behind their socket."""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.closing import Closing
from benchmarks.contenders.client import SERVER
from benchmarks.errors import BrokenError
from benchmarks.ground import wait_ended

if TYPE_CHECKING:
    from benchmarks.ground import Ground

#: Seconds that a relay may take for anything.
LIMIT: Final = 30.0

_COOKIE: Final = "c" * 32
_FIRST: Final = b"x"
_ANSWER: Final = json.dumps({"ok": True, "agent_id": "agent-000000-000000"}).encode() + b"\n"
_MS_PER_S = 1000.0


class Doorman(Closing):
    """A socket at which relays are let in, one after another; a context manager.

    It does of an orchestrator's work what a relay waits for, and in no time: the time is the
    relay's own.
    """

    def __init__(self, ground: Ground) -> None:
        """Listen in a folder whose path is short enough for a socket."""
        self._ground = ground
        self._folder = tempfile.TemporaryDirectory(prefix="bench-s-")
        self._path = Path(self._folder.name) / "s"
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self._path))
        self._listening.listen()
        self._listening.settimeout(LIMIT)

    def close(self) -> None:
        """Stop listening."""
        self._listening.close()
        self._folder.cleanup()

    def time_relay(self) -> float:
        """Start a relay; returns the milliseconds until the first byte of its client is here.

        Raises:
            BrokenError: It is none, or does not end.
        """
        environment = {"ORCHESTRATOR_SOCKET": str(self._path), "ORCHESTRATOR_COOKIE": _COOKIE}
        began = time.perf_counter()
        relay = self._ground.spawn(
            SERVER, environment=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert relay.stdin is not None
        assert relay.stdout is not None
        with relay.stdin, relay.stdout:
            try:
                relay.stdin.write(_FIRST)
                self._let_in()
                took = time.perf_counter() - began
            except (OSError, ValueError) as error:
                relay.kill()
                relay.wait()
                raise BrokenError(f"the relay did not pass a byte: {error}") from error

        wait_ended(relay, what="the relay")
        return took * _MS_PER_S

    def _let_in(self) -> None:
        connection, _ = self._listening.accept()
        with connection:
            connection.settimeout(LIMIT)
            said = json.loads(connection.recv(4096))
            if said.get("cookie") != _COOKIE:
                raise ValueError(f"it says that it is {said!r}")

            connection.sendall(_ANSWER)
            if connection.recv(1) != _FIRST:
                raise ValueError("another byte came")
