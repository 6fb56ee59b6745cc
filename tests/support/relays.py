"""A scripted orchestrator behind a link, and relays that find it there."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from .evidence import LONG, wait_until
from .mcp_server import ROOT, LineClient

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Self

COOKIE: Final = "good"
TAKEN: Final = b'{"ok": true, "agent_id": "a-1"}\n'
VERSION: Final = "2025-06-18"
INITIALIZED: Final = {"jsonrpc": "2.0", "method": "notifications/initialized"}

#: With a third argument, it holds messages for so many seconds.
PROGRAM: Final = """
import sys
if len(sys.argv) == 3:
    from orchestrator.frontends.relay import main
    sys.exit(main(*sys.argv[1:]))

from orchestrator.frontends.relay.reconnecting import main
sys.exit(main(*sys.argv[1:3], hold=float(sys.argv[3])))
"""


def request(number: object, method: str = "tools/call", **params: object) -> dict[str, Any]:
    """Make a request."""
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def opening(number: object = "init") -> dict[str, Any]:
    """Make the request with which a client begins."""
    return request(number, "initialize", protocolVersion=VERSION)


def notification(method: str, **params: object) -> dict[str, Any]:
    """Make a notification."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def code_of(answer: dict[str, Any]) -> int:
    """Return the code of an error."""
    return answer["error"]["code"]


class Session:
    """One relay's connection, from the orchestrator's side."""

    def __init__(self, connection: socket.socket) -> None:
        """Take the connection before its handshake."""
        self.connection = connection
        connection.settimeout(LONG)
        self._lines = connection.makefile("rb")

    def hear_line(self) -> bytes:
        """Return its next line; b"" at its end."""
        return self._lines.readline()

    def hear(self) -> dict[str, Any]:
        """Return its next message."""
        return json.loads(self.hear_line())

    def say(self, *messages: dict[str, Any]) -> None:
        """Send messages."""
        lines = [json.dumps(message).encode() + b"\n" for message in messages]
        self.connection.sendall(b"".join(lines))

    def answer(self, asked: dict[str, Any], **result: object) -> None:
        """Answer a request."""
        self.say({"jsonrpc": "2.0", "id": asked["id"], "result": result})

    def close(self) -> None:
        """Break it."""
        self._lines.close()
        self.connection.close()


class ScriptedOrchestrator:
    """The other end of the sockets, in the hand of the test; each at a path of its own."""

    _count = 0

    def __init__(self, folder: Path, address: Path) -> None:
        """Listen in this folder, and let the link lead here."""
        ScriptedOrchestrator._count += 1
        self.path = folder / f"{ScriptedOrchestrator._count}.sock"
        self._sessions: list[Session] = []
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.path))
        self._listening.listen()
        self._listening.settimeout(LONG)
        _point(address, self.path)

    def __enter__(self) -> Self:
        """Do nothing; leaving ends it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.die()

    def accept(self, answer: bytes = TAKEN) -> Session:
        """Take the next relay, or give it another answer to its handshake."""
        connection, _ = self._listening.accept()
        session = Session(connection)
        self._sessions.append(session)
        assert session.hear() == {"orchestrator": 1, "cookie": COOKIE}
        session.connection.sendall(answer)
        return session

    def resume(self, version: str = VERSION) -> Session:
        """Take a relay that has served before; returns when it passes on messages."""
        session = self.accept()
        greeting = session.hear()
        assert greeting["method"] == "initialize"
        session.answer(greeting, protocolVersion=version)
        assert session.hear() == INITIALIZED
        return session

    def die(self) -> None:
        """Go away, as a process that is killed does."""
        self._listening.close()
        self.path.unlink(missing_ok=True)
        for session in self._sessions:
            session.close()


def _point(address: Path, target: Path) -> None:
    """Let the link lead to another socket, in one step."""
    fresh = address.with_name("fresh")
    fresh.symlink_to(target)
    fresh.replace(address)


class RelayClient(LineClient):
    """An agent's CLI, at the other side of its relay."""

    def hear(self) -> dict[str, Any]:
        """Return the next message, whatever it is."""
        return json.loads(self.read_line())

    def ask(self, *numbers: object) -> None:
        """Send requests."""
        self.send(*(request(number) for number in numbers))

    def open(self, orchestrator: ScriptedOrchestrator) -> Session:
        """Begin the conversation with an orchestrator."""
        session = orchestrator.accept()
        self.send(opening())
        session.answer(session.hear(), protocolVersion=VERSION)
        assert self.hear()["id"] == "init"
        self.send(INITIALIZED)
        assert session.hear() == INITIALIZED
        return session

    def read_complaint(self) -> str:
        """Return the next line of its standard error."""
        assert self.process.stderr is not None
        end = time.monotonic() + LONG
        line = b""
        while not line.endswith(b"\n"):
            left = max(0.0, end - time.monotonic())
            if not select.select([self.process.stderr], [], [], left)[0]:
                raise TimeoutError("no complaint")

            character = os.read(self.process.stderr.fileno(), 1)
            if not character:
                raise EOFError("it has ended")

            line += character

        return line.decode().rstrip("\n")

    def end_of(self) -> tuple[int, bytes, bytes]:
        """Wait for its end; returns its status and what had not been read of its output."""
        self.process.stdin = None if self.stdin.closed else self.process.stdin
        out, err = self.process.communicate(timeout=LONG)
        return self.process.returncode, out, err


class Place:
    """Where the orchestrators and the relay of one test meet.

    Attributes:
        folder: For sockets, whose paths are short.
        address: A link that leads nowhere yet, at a path that is too long for a socket.
    """

    def __init__(self, folder: Path, deep: Path) -> None:
        """Make the link, below a folder that there is."""
        self.folder = folder
        self.address = deep / ("d" * 120) / "agent.address"
        self.address.parent.mkdir()
        self.address.symlink_to(folder / "nobody.sock")

    @contextmanager
    def server(self) -> Generator[subprocess.Popen[bytes]]:
        """Run a real server over tasks in memory, and let the link lead to it."""
        path = self.folder / "server.sock"
        path.unlink(missing_ok=True)
        program = [sys.executable, "-m", "tests.frontends.mcp.stdio_program", str(path)]
        with (
            (self.folder / "output").open("wb") as output,
            subprocess.Popen(
                program, cwd=ROOT, stdin=subprocess.PIPE, stdout=output, stderr=output
            ) as process,
        ):
            try:
                wait_until(path.exists, "a socket for agents")
                _point(self.address, path)
                yield process
            finally:
                process.kill()

    def orchestrator(self) -> ScriptedOrchestrator:
        """Let an orchestrator listen, and the link lead to it."""
        return ScriptedOrchestrator(self.folder, self.address)

    @contextmanager
    def relay(self, *, hold: float | None = None, redirections: str = "") -> Generator[RelayClient]:
        """Run a relay; it is killed at the end.

        Args:
            hold: Seconds that it holds a message; None for its own default.
            redirections: For a shell that becomes the relay.
        """
        program = [sys.executable, "-c", PROGRAM, str(self.address), COOKIE]
        if hold is not None:
            program.append(str(hold))

        if redirections:
            program = ["/bin/sh", "-c", f'exec "$0" "$@" {redirections}', *program]

        with subprocess.Popen(
            program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        ) as process:
            try:
                yield RelayClient(process)
            finally:
                process.kill()


@contextmanager
def open_place(deep: Path) -> Generator[Place]:
    """Make a place, the link of which is below this folder."""
    with TemporaryDirectory(prefix="orc-") as folder:
        yield Place(Path(folder), deep)
