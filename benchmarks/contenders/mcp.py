"""The MCP server as a client sees it: a child on pipes, asked to deploy agents."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.errors import BrokenError
from benchmarks.model import Round

from .lines import LineChild

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from benchmarks.ground import Ground

PROTOCOL: Final = "2025-06-18"

_MS_PER_S = 1000.0
_NO_LIMIT = "1000000"


class McpSession:
    """One connection to one server.

    The client is a few lines over a pipe: those of an SDK would be measured with the server.
    """

    def __init__(self, child: LineChild) -> None:
        """Greet the server."""
        self._child = child
        self._requests = 0
        self._deployed: list[dict[str, Any]] = []
        greeting = self._request(
            "initialize",
            {
                "protocolVersion": PROTOCOL,
                "capabilities": {},
                "clientInfo": {"name": "benchmarks", "version": "1"},
            },
        )
        child.send(greeting)
        self._answer()
        child.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    @property
    def root(self) -> int:
        """The pid of the server."""
        return self._child.process.pid

    def launch(self, count: int, *, together: bool) -> Round:
        """Deploy agents of a new task; timed from the request's writing to its answer's reading.

        Raises:
            BrokenError: One was refused.
        """
        [(_, task)] = self._call("create_real_task", [{"description": "a round of a benchmark"}])
        arguments = {"task_id": task["task_id"], "agent_type": "agent", "prompt": "wait"}
        groups = [[arguments] * count] if together else [[arguments]] * count
        times: list[float] = []
        wall = 0.0
        for group in groups:
            answers = self._call("deploy_headless_agent", group)
            wall += max(time for time, _ in answers)
            for took, answer in answers:
                times.append(took)
                self._deployed.append({"task_id": task["task_id"], "agent_id": answer["agent_id"]})

        return Round(times=tuple(times), wall=wall)

    def clear(self) -> None:
        """Kill all that was deployed; the server answers once it is gone."""
        self._call("kill_real_agent", self._deployed)
        self._deployed.clear()

    def hang_up(self) -> None:
        """End of input for the server; returns at once."""
        self._child.hang_up()

    def kill(self) -> None:
        """SIGKILL for the server."""
        self._child.kill()

    def _call(
        self, tool: str, calls: Sequence[dict[str, Any]]
    ) -> list[tuple[float, dict[str, Any]]]:
        """Send calls in one go; returns the milliseconds to each answer, and what it says."""
        requests = [
            self._request("tools/call", {"name": tool, "arguments": arguments})
            for arguments in calls
        ]
        began = time.perf_counter()
        self._child.send(*requests)
        answers = [(self._answer(), (time.perf_counter() - began) * _MS_PER_S) for _ in calls]
        return [(took, _content(tool, answer)) for answer, took in answers]

    def _answer(self) -> dict[str, Any]:
        while "id" not in (message := self._child.receive()):
            continue

        return message

    def _request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._requests += 1
        return {"jsonrpc": "2.0", "id": self._requests, "method": method, "params": params}


def _content(tool: str, answer: dict[str, Any]) -> dict[str, Any]:
    content = answer.get("result", {}).get("structuredContent", {})
    if not content.get("success"):
        raise BrokenError(f"{tool} was refused: {answer}")

    return content


@dataclass(frozen=True, slots=True)
class McpContender:
    """``python -m orchestrator`` over MCP."""

    key: str = "mcp"
    name: str = "deploy over MCP"

    def missing(self) -> str | None:
        """Nothing: it is what this project is."""
        return None

    @contextmanager
    def open(self, ground: Ground, program: Path) -> Generator[McpSession]:
        """Start a server that takes the program for the claude CLI."""
        child = LineChild(
            ground,
            [sys.executable, "-m", "orchestrator"],
            environment={
                "CLAUDE_EXECUTABLE": str(program),
                "CLAUDE_ORCHESTRATOR_WORKSPACE": str(ground.new_folder()),
                "CLAUDE_ORCHESTRATOR_MAX_AGENTS": _NO_LIMIT,
                "CLAUDE_ORCHESTRATOR_MAX_CONCURRENT": _NO_LIMIT,
            },
            name="the MCP server",
        )
        try:
            yield McpSession(child)
        finally:
            child.close()
