"""An MCP client over the pipes of one server, which times each answer when its last byte is in."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.errors import BrokenError

from .lines import LineChild

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.ground import Ground

#: How the CLI of an agent starts its copy of the server.
SERVER: Final = (sys.executable, "-P", "-m", "orchestrator")

_PROTOCOL: Final = "2025-06-18"
_NO_LIMIT: Final = "100000000"
_TAIL: Final = 1500
_MS_PER_S: Final = 1000.0


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


class McpClient(LineChild):
    """The client of one server, which it has started and greeted.

    It is a few lines over a pipe: those of an SDK would be measured with the server.

    Attributes:
        start_ms: Milliseconds from before its start until its greeting was in.
    """

    def __init__(
        self,
        ground: Ground,
        environment: Mapping[str, str],
        *,
        argv: Sequence[str] = SERVER,
        name: str = "the MCP server",
    ) -> None:
        """Start a server, or a relay to one, and greet it.

        Raises:
            BrokenError: It does not answer.
        """
        super().__init__(ground, argv, environment=environment, name=name)
        self._requests = 0
        greeting = {
            "protocolVersion": _PROTOCOL,
            "capabilities": {},
            "clientInfo": {"name": "benchmarks", "version": "1"},
        }
        try:
            self.send(self._request("initialize", greeting))
            greeted = self.answer()
        except BaseException:
            self.kill()
            raise

        self.start_ms = (greeted.at - self.began) * _MS_PER_S
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

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
        [answer] = self._answers(self.begin(tool, [arguments]))
        return (answer.at - began) * _MS_PER_S, content(tool, answer), answer.size

    def call_all(
        self, tool: str, calls: Sequence[Mapping[str, object]]
    ) -> list[tuple[float, dict[str, Any]]]:
        """Call a tool so often in one go; returns for each what `call` does, in this order.

        Raises:
            BrokenError: One was refused.
        """
        began = time.perf_counter()
        answers = self._answers(self.begin(tool, calls))
        return [((one.at - began) * _MS_PER_S, content(tool, one)) for one in answers]

    def begin(self, tool: str, calls: Sequence[Mapping[str, object]]) -> list[int]:
        """Call a tool in one go; returns at once, with the ids that will be answered."""
        requests = [self._request("tools/call", {"name": tool, "arguments": one}) for one in calls]
        if requests:
            self.send(*requests)

        return [request["id"] for request in requests]

    def answer(self) -> Answer:
        """Wait for the next answer, whosever it is.

        Raises:
            BrokenError: None came in time, or none will.
        """
        while True:
            line = self.receive_line()
            said: dict[str, Any] = json.loads(line.text)
            if "id" in said and "method" not in said:
                return Answer(id=said["id"], at=line.at, size=len(line.text), said=said)

    def _answers(self, wanted: Sequence[int]) -> list[Answer]:
        """Wait for the answers to these; others, which nobody waits for any more, are dropped."""
        found: dict[int, Answer] = {}
        while any(number not in found for number in wanted):
            answer = self.answer()
            found[answer.id] = answer

        return [found[number] for number in wanted]

    def _request(self, method: str, params: Mapping[str, object]) -> dict[str, Any]:
        self._requests += 1
        return {"jsonrpc": "2.0", "id": self._requests, "method": method, "params": params}


def content(tool: str, answer: Answer) -> dict[str, Any]:
    """Return what a tool answered.

    Raises:
        BrokenError: It was refused.
    """
    found: dict[str, Any] = answer.said.get("result", {}).get("structuredContent", {})
    if not found.get("success"):
        raise BrokenError(f"{tool} was refused: {str(answer.said)[:_TAIL]}")

    return found


def of_server(workspace: Path, command: Path | str) -> dict[str, str]:
    """Return the environment of a server that takes a command for the claude CLI."""
    return {
        "CLAUDE_EXECUTABLE": str(command),
        "CLAUDE_ORCHESTRATOR_WORKSPACE": str(workspace),
        "CLAUDE_ORCHESTRATOR_MAX_AGENTS": _NO_LIMIT,
        "CLAUDE_ORCHESTRATOR_MAX_CONCURRENT": _NO_LIMIT,
    }


@contextmanager
def open_client(
    ground: Ground,
    environment: Mapping[str, str],
    *,
    argv: Sequence[str] = SERVER,
    name: str = "the MCP server",
) -> Generator[McpClient]:
    """Have a server for the length of the block; see `McpClient`."""
    client = McpClient(ground, environment, argv=argv, name=name)
    try:
        yield client
    finally:
        client.close()
