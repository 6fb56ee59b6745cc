"""This project as an MCP server, below a client that talks to it over pipes."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.contenders.client import McpClient

from .base import leaving

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from benchmarks.leaking.stand import Stand


class _Server(McpClient):
    """The server, with its default settings but for the CLI that its agents are."""

    def __init__(self, stand: Stand) -> None:
        environment = {
            "CLAUDE_EXECUTABLE": shlex.join(stand.argv_by_id),
            "CLAUDE_ORCHESTRATOR_WORKSPACE": str(stand.folder),
        }
        super().__init__(stand.ground, environment)
        _, task = self.call("create_real_task", description="leave nobody behind")
        self._task: str = task["task_id"]
        deployed = self.call_all(
            "deploy_headless_agent",
            [
                {"task_id": self._task, "agent_type": habit.key, "prompt": "wait"}
                for habit in stand.habits
            ],
        )
        self._agents: list[str] = [each["agent_id"] for _, each in deployed]

    def stop(self) -> None:
        """See `Running`."""
        agents = [{"task_id": self._task, "agent_id": each} for each in self._agents]
        self.call_all("kill_real_agent", agents)


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

    def open(self, stand: Stand) -> AbstractContextManager[_Server]:
        """See `Launcher`."""
        return leaving(_Server(stand))
