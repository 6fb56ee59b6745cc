"""This project as an MCP server, below a client that talks to it over pipes."""

from __future__ import annotations

import shlex
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.contenders.lines import LineChild
from benchmarks.contenders.mcp import PROTOCOL
from benchmarks.errors import BrokenError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from benchmarks.leaking.stand import Stand


class _Server(LineChild):
    """The server, with its default settings but for the CLI that its agents are."""

    def __init__(self, stand: Stand) -> None:
        super().__init__(
            stand.ground,
            [sys.executable, "-m", "orchestrator"],
            environment={
                "CLAUDE_EXECUTABLE": shlex.join(stand.argv_by_id),
                "CLAUDE_ORCHESTRATOR_WORKSPACE": str(stand.folder),
            },
            name="the MCP server",
        )
        self._requests = 0
        client = {"name": "benchmarks", "version": "1"}
        greeting = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client}
        self._ask([("initialize", greeting)])
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        [task] = self._call("create_real_task", [{"description": "leave nobody behind"}])
        self._task: str = task["task_id"]
        deployed = self._call(
            "deploy_headless_agent",
            [
                {"task_id": self._task, "agent_type": habit.key, "prompt": "wait"}
                for habit in stand.habits
            ],
        )
        self._agents: list[str] = [each["agent_id"] for each in deployed]

    def stop(self) -> None:
        """See `Running`."""
        agents = [{"task_id": self._task, "agent_id": each} for each in self._agents]
        self._call("kill_real_agent", agents)

    def _call(self, tool: str, calls: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        answers = self._ask([("tools/call", {"name": tool, "arguments": each}) for each in calls])
        contents = [answer.get("result", {}).get("structuredContent", {}) for answer in answers]
        for content, answer in zip(contents, answers, strict=True):
            if not content.get("success"):
                raise BrokenError(f"{tool} was refused: {answer}")

        return contents

    def _ask(self, calls: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """Send requests in one go; returns their answers in the order of the requests."""
        numbers = range(self._requests + 1, self._requests + 1 + len(calls))
        self._requests += len(calls)
        self.send(
            *(
                {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
                for number, (method, params) in zip(numbers, calls, strict=True)
            )
        )
        answers: dict[int, dict[str, Any]] = {}
        while len(answers) < len(calls):
            message = self.receive()
            if "id" in message:
                answers[message["id"]] = message

        return [answers[number] for number in numbers]


@dataclass(frozen=True, slots=True, kw_only=True)
class McpLauncher:
    """``python -m orchestrator``; see `Launcher`."""

    key: str = "mcp"
    name: str = "this project, MCP"
    means: str = (
        "`kill_real_agent`, with the graces that are its default: SIGINT, 0.5 s, SIGTERM, 1.2 s, "
        "SIGKILL"
    )
    ours: bool = True
    not_for: Mapping[str, str] = field(default_factory=dict[str, str])

    def missing(self) -> str | None:
        """Nothing: it is what this project is."""
        return None

    @contextmanager
    def open(self, stand: Stand) -> Generator[_Server]:
        """See `Launcher`."""
        server = _Server(stand)
        try:
            yield server
        finally:
            with suppress(BrokenError):
                server.close()
