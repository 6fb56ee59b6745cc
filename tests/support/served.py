"""The server as users have it: a process of its own, with real CLIs as agents, in one folder."""

from __future__ import annotations

import json
import os
import shlex
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from mcp import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client

from orchestrator.config import AGENT_VARIABLE, WORKSPACE_VARIABLE
from orchestrator.model import AgentId
from orchestrator.process import tree
from orchestrator.registry import Registry
from orchestrator.supervision.surroundings import mcp_config
from tests.conftest import RUN_VARIABLE

from .claude_cli import claude_environment
from .waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from orchestrator.model import AgentRecord, OrchestratorRecord
    from orchestrator.process.tree import Proc

SERVER_ARGV: Final = (sys.executable, "-P", "-m", "orchestrator")

#: Seconds after which nothing more is expected to happen; the CLI takes 2 to 5.
_LONG: Final = 30.0


class Place:
    """A folder in which the servers, clients and agents of one test live."""

    def __init__(self, folder: Path, *, agent: Sequence[str], api_url: str, backend: str) -> None:
        """Take what they have in common.

        Args:
            folder: Working directory, home and workspace go there.
            agent: What agents are, as argv.
            api_url: Where the stand-in for the Messages API listens.
            backend: That servers run on.
        """
        self.folder = folder
        self.workspace = folder / "workspace"
        home = folder / "home"
        home.mkdir()
        self.environment = {
            **claude_environment(api_url, home),
            "CLAUDE_EXECUTABLE": shlex.join(agent),
            "ORCHESTRATOR_BACKEND": backend,
            WORKSPACE_VARIABLE: str(self.workspace),
            # By it the net under the whole run knows what descends from it.
            RUN_VARIABLE: os.environ[RUN_VARIABLE],
        }

    def inhabitants(self, agent_id: str | None = None) -> list[Proc]:
        """Everyone alive that was started here, or by this agent; found by the environment."""
        name, value = (
            (WORKSPACE_VARIABLE, str(self.workspace))
            if agent_id is None
            else (AGENT_VARIABLE, agent_id)
        )
        return [
            proc
            for proc in tree.everyone()
            if not proc.ended and tree.environment(proc.pid).get(name) == value
        ]

    async def wait_nobody(self) -> None:
        """Wait until nobody is left."""
        await until(lambda: not self.inhabitants(), seconds=_LONG)

    async def wait_ended(self, agent_id: str) -> None:
        """Wait until an agent's end is on record."""
        await until(lambda: not self.agent(agent_id).live, seconds=_LONG)

    def agents(self) -> list[AgentRecord]:
        """All agents on record, oldest first."""
        with Registry.open(self.workspace) as registry:
            return registry.agents.find()

    def agent(self, agent_id: str) -> AgentRecord:
        """What is on record of one agent."""
        with Registry.open(self.workspace) as registry:
            return registry.agents.get(AgentId(agent_id))

    def servers(self) -> list[OrchestratorRecord]:
        """All servers on record, oldest first."""
        with Registry.open(self.workspace) as registry:
            return registry.orchestrators.all()

    def write_mcp_config(self) -> Path:
        """Write the file with which a CLI starts the server as its own client."""
        path = self.folder / "client.json"
        path.write_text(json.dumps(mcp_config()))
        return path


class Server:
    """A server that runs, as its client sees it; made by `open_server`."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool, which has to succeed."""
        result = await self._session.call_tool(tool, arguments)
        answer = result.structured_content
        assert answer is not None, result.content
        assert answer["success"], answer
        return answer

    async def deploy(self, prompt: str) -> tuple[str, str]:
        """Make a task and deploy an agent on it; returns the ids of both."""
        task = await self.call("create_real_task", description="Something to do.")
        agent = await self.call(
            "deploy_headless_agent", task_id=task["task_id"], agent_type="worker", prompt=prompt
        )
        return task["task_id"], agent["agent_id"]

    async def row(self, task_id: str, agent_id: str) -> dict[str, Any]:
        """Give an agent's row in the task's status."""
        status = await self.call("get_real_task_status", task_id=task_id)
        rows = status["agents"]["agents_list"]
        return next(row for row in rows if row["id"] == agent_id)


@asynccontextmanager
async def open_server(place: Place) -> AsyncGenerator[Server]:
    """Run a server for the length of the block, which ends with the end of its input."""
    parameters = StdioServerParameters(
        command=SERVER_ARGV[0],
        args=list(SERVER_ARGV[1:]),
        env=place.environment,
        cwd=place.folder,
    )
    with (place.folder / "server.log").open("a") as log:
        async with stdio_client(parameters, log) as streams, ClientSession(*streams) as session:
            await session.initialize()
            yield Server(session)
