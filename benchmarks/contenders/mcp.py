"""The MCP server as a client sees it: a child on pipes, asked to deploy agents."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.model import Round

from .client import SERVER, of_server, open_client

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from benchmarks.ground import Ground

    from .client import McpClient


class McpSession:
    """One connection to one server."""

    def __init__(self, client: McpClient) -> None:
        """Talk to a server that was greeted."""
        self._client = client
        self._deployed: list[dict[str, str]] = []

    @property
    def root(self) -> int:
        """The pid of the server."""
        return self._client.process.pid

    def launch(self, count: int, *, together: bool) -> Round:
        """Deploy agents of a new task; timed from the request's writing to its answer's reading.

        Raises:
            BrokenError: One was refused.
        """
        _, task = self._client.call("create_real_task", description="a round of a benchmark")
        arguments = {"task_id": task["task_id"], "agent_type": "agent", "prompt": "wait"}
        groups = [[arguments] * count] if together else [[arguments]] * count
        times: list[float] = []
        wall = 0.0
        for group in groups:
            answers = self._client.call_all("deploy_headless_agent", group)
            wall += max(time for time, _ in answers)
            for took, answer in answers:
                times.append(took)
                self._deployed.append({"task_id": task["task_id"], "agent_id": answer["agent_id"]})

        return Round(times=tuple(times), wall=wall)

    def clear(self) -> None:
        """Kill all that was deployed; the server answers once it is gone."""
        self._client.call_all("kill_real_agent", self._deployed)
        self._deployed.clear()

    def hang_up(self) -> None:
        """End of input for the server; returns at once."""
        self._client.hang_up()

    def kill(self) -> None:
        """SIGKILL for the server."""
        self._client.kill()


@dataclass(frozen=True, slots=True)
class McpContender:
    """``python -m orchestrator`` over MCP.

    Attributes:
        key: See `Contender`.
        name: See `Contender`.
        megabytes: Memory that the server holds besides.
    """

    key: str = "mcp"
    name: str = "deploy over MCP"
    megabytes: int = 0

    def missing(self) -> str | None:
        """Nothing: it is what this project is."""
        return None

    @contextmanager
    def open(self, ground: Ground, program: Path) -> Generator[McpSession]:
        """Start a server that takes the program for the claude CLI."""
        heavy = (sys.executable, "-P", "-m", "benchmarks.workers.heavy_server")
        argv = (*heavy, str(self.megabytes)) if self.megabytes else SERVER
        with open_client(ground, of_server(ground.new_folder(), program), argv=argv) as client:
            yield McpSession(client)
