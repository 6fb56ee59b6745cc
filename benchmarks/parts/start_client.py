"""An MCP client over the pipes of one server, which times each answer when its last byte is in."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from benchmarks.contenders.mcp import PROTOCOL
from benchmarks.errors import BrokenError
from benchmarks.ground import wait_ended

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from benchmarks.ground import Ground

#: Seconds that an answer may take.
ANSWER_LIMIT: Final = 60.0

#: How the CLI of an agent starts its copy of the server.
SERVER: Final = (sys.executable, "-P", "-m", "orchestrator")

_CHUNK = 1 << 18
_TAIL = 1500
_MS_PER_S = 1000.0
_NO_LIMIT = "1000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said to one request.

    Attributes:
        id: Of the request.
        at: When its last byte was read, by ``time.perf_counter``; before it was understood.
        size: In bytes.
        said: All of it.
    """

    id: int
    at: float
    size: int
    said: dict[str, Any]


class Client:
    """The client of one server, which it has started and greeted; made by `open_client`.

    Attributes:
        process: The server, or the relay to it.
        start_ms: Milliseconds from before its start until its greeting was in.
    """

    def __init__(
        self, ground: Ground, environment: Mapping[str, str], *, name: str = "the MCP server"
    ) -> None:
        """Start a server, and greet it."""
        self._name = name
        self._errors = ground.new_folder() / "stderr"
        self._received = bytearray()
        self._requests = 0
        with self._errors.open("wb") as errors:
            began = time.perf_counter()
            self.process = ground.spawn(
                SERVER,
                environment=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

        try:
            self._request(
                "initialize",
                {
                    "protocolVersion": PROTOCOL,
                    "capabilities": {},
                    "clientInfo": {"name": "benchmarks", "version": "1"},
                },
            )
            greeting = self.receive()
        except BaseException:
            self.process.kill()
            raise

        self.start_ms = (greeting.at - began) * _MS_PER_S
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, tool: str, **arguments: object) -> tuple[float, dict[str, Any]]:
        """Call a tool; returns the milliseconds until its answer was in, and its content.

        Raises:
            BrokenError: It was refused.
        """
        took, said, _ = self.call_sized(tool, **arguments)
        return took, said

    def call_sized(self, tool: str, **arguments: object) -> tuple[float, dict[str, Any], int]:
        """Call a tool; returns what `call` does, and the bytes of the answer.

        Raises:
            BrokenError: It was refused.
        """
        began = time.perf_counter()
        wanted = self.begin(tool, **arguments)
        answer = self.receive()
        if answer.id != wanted:
            raise self._broken(f"answered {answer.id} when asked {wanted}")

        return (answer.at - began) * _MS_PER_S, content(tool, answer), answer.size

    def begin(self, tool: str, **arguments: object) -> int:
        """Call a tool, and return at once with the id under which it will be answered."""
        return self._request("tools/call", {"name": tool, "arguments": arguments})

    def receive(self) -> Answer:
        """Wait for the next answer, whosever it is.

        Raises:
            BrokenError: None came in time, or none will.
        """
        while True:
            line, at = self._line()
            said: dict[str, Any] = json.loads(line)
            if "id" in said and "method" not in said:
                return Answer(id=said["id"], at=at, size=len(line), said=said)

    def ready(self, seconds: float) -> bool:
        """Wait so long for something to read; returns whether there is."""
        if b"\n" in self._received:
            return True

        return bool(select.select([_pipe(self.process.stdout)], [], [], seconds)[0])

    def close(self) -> None:
        """Say that nothing more will be asked, and wait for its end.

        Raises:
            BrokenError: It stays.
        """
        _pipe(self.process.stdin).close()
        try:
            wait_ended(self.process, what=self._name)
        finally:
            _pipe(self.process.stdout).close()

    def _request(self, method: str, params: dict[str, Any]) -> int:
        self._requests += 1
        request = {"jsonrpc": "2.0", "id": self._requests, "method": method, "params": params}
        self._write(request)
        return self._requests

    def _write(self, message: dict[str, Any]) -> None:
        try:
            _pipe(self.process.stdin).write(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise self._broken(f"does not listen ({error.strerror})") from error

    def _line(self) -> tuple[bytes, float]:
        descriptor = _pipe(self.process.stdout).fileno()
        at = time.perf_counter()
        searched = 0
        while (end := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            if not select.select([descriptor], [], [], ANSWER_LIMIT)[0]:
                raise self._broken(f"gave no answer within {ANSWER_LIMIT:.0f} s")

            data = os.read(descriptor, _CHUNK)
            at = time.perf_counter()
            if not data:
                raise self._broken("ended without an answer")

            self._received += data

        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line, at

    def _broken(self, what: str) -> BrokenError:
        tail = self._errors.read_bytes()[-_TAIL:].decode("utf-8", "replace").strip()
        return BrokenError(f"{self._name} {what}; it said: {tail or 'nothing'}")


def content(tool: str, answer: Answer) -> dict[str, Any]:
    """Return what a tool answered.

    Raises:
        BrokenError: It was refused.
    """
    found: dict[str, Any] = answer.said.get("result", {}).get("structuredContent", {})
    if not found.get("success"):
        raise BrokenError(f"{tool} was refused: {str(answer.said)[:_TAIL]}")

    return found


def of_server(workspace: Path, program: Path) -> dict[str, str]:
    """Return the environment of a server that takes a program for the claude CLI."""
    return {
        "CLAUDE_EXECUTABLE": str(program),
        "CLAUDE_ORCHESTRATOR_WORKSPACE": str(workspace),
        "CLAUDE_ORCHESTRATOR_MAX_AGENTS": _NO_LIMIT,
        "CLAUDE_ORCHESTRATOR_MAX_CONCURRENT": _NO_LIMIT,
    }


@contextmanager
def open_client(
    ground: Ground, environment: Mapping[str, str], *, name: str = "the MCP server"
) -> Generator[Client]:
    """Have a server for the length of the block."""
    client = Client(ground, environment, name=name)
    try:
        yield client
    finally:
        client.close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
