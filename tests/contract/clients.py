"""The SDK's own client over the pipes of the real server."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from mcp import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_types import CallToolResult, TextContent, TextResourceContents
from pydantic import AnyUrl

from tests.support.evidence import LONG, ask_until
from tests.support.mcp_server import SERVER

from .shapes import is_object, mismatches, record

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from tests.support.mcp_server import World

#: The recorded shape of each tool's answer, and of every business error.
RECORDED: Final[dict[str, Any]] = record("tools-seed.json") or {}
SHAPES: Final[dict[str, Any]] = {tool["name"]: tool["result"] for tool in RECORDED.get("tools", ())}
FAILURE: Final = {"success": "boolean", "error": "string"}


class Contract:
    """A client that holds every result against the encoding that was recorded.

    Attributes:
        session: The SDK's session.
        world: The surroundings of the server.
    """

    def __init__(self, session: ClientSession, world: World) -> None:
        self.session = session
        self.world = world

    async def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool and return its answer, which must be encoded and shaped as recorded."""
        result = await self.session.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        assert not result.is_error, result
        answer = result.structured_content
        assert is_object(answer)
        (text,) = result.content
        assert isinstance(text, TextContent)
        assert json.loads(text.text) == answer
        assert mismatches(answer, SHAPES.get(tool, {}) if answer["success"] else FAILURE) == []
        return answer

    async def fail(self, tool: str, **arguments: object) -> str:
        """Call a tool that must answer with an MCP error: one text, nothing structured."""
        result = await self.session.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        assert result.is_error, result
        assert result.structured_content is None
        (text,) = result.content
        assert isinstance(text, TextContent)
        return text.text

    async def read(self, uri: str) -> dict[str, Any]:
        """Read a resource, which must be JSON in a plain text."""
        result = await self.session.read_resource(str(AnyUrl(uri)))
        (contents,) = result.contents  # pyright: ignore[reportAttributeAccessIssue]
        assert isinstance(contents, TextResourceContents)
        assert contents.mime_type == "text/plain"
        return json.loads(contents.text)

    async def task(self, **arguments: object) -> str:
        """Create a task and return its id."""
        answer = await self.call("create_real_task", **{"description": "a task", **arguments})
        return answer["task_id"]

    async def deploy(self, task_id: str, directive: str, **arguments: object) -> str:
        """Deploy a fake agent, wait until it is at work, and return its id."""
        wanted = {"task_id": task_id, "agent_type": "w", "prompt": f"[[fake {directive}]]"}
        answer = await self.call("deploy_headless_agent", **{**wanted, **arguments})
        assert answer["success"], answer
        return answer["agent_id"]

    async def rows(self, task_id: str) -> dict[str, dict[str, Any]]:
        """Return the rows of a task's agents, by id."""
        answer = await self.call("get_real_task_status", task_id=task_id)
        return {row["id"]: row for row in answer["agents"]["agents_list"]}

    async def end_of(self, task_id: str, agent_id: str) -> dict[str, Any]:
        """Wait until an agent has ended, and return its row."""

        async def ended() -> dict[str, Any]:
            row = (await self.rows(task_id))[agent_id]
            return row if row["state"] in {"exited", "lost"} else {}

        return await ask_until(ended, f"the end of {agent_id}")

    async def progress(
        self, task_id: str, agent_id: str, status: str = "working", **more: object
    ) -> dict[str, Any]:
        """Report for an agent."""
        given = {"task_id": task_id, "agent_id": agent_id, "status": status, "message": "m"}
        return await self.call("update_agent_progress", **{**given, **more})


@asynccontextmanager
async def open_client(
    world: World, backend: str = "asyncio", *, program: Sequence[str] = SERVER, **variables: str
) -> AsyncGenerator[Contract]:
    """Run a server in a world, and connect the SDK's client to it."""
    parameters = StdioServerParameters(
        command=program[0],
        args=list(program[1:]),
        env=world.environment(backend, **variables),
        cwd=world.project,
    )
    with (world.folder / "stderr").open("a") as errors:
        async with (
            stdio_client(parameters, errlog=errors) as (receive, send),
            ClientSession(receive, send, LONG) as session,
        ):
            await session.initialize()
            yield Contract(session, world)
