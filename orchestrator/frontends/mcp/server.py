"""The server for one caller, and one session of it over a pair of byte streams."""

from __future__ import annotations

import math
from contextlib import nullcontext
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

import anyio
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_loop
from mcp.shared.message import SessionMessage
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
)

from .calls import call_tool, is_reading
from .resources import RESOURCES, TEMPLATES, read_resource
from .tools import list_tools
from .transport import Goodbye, Outbox, read_messages
from .verbatim import fill_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from anyio.abc import ByteReceiveStream, ByteSendStream
    from mcp.server.context import ServerRequestContext

    from orchestrator.tasks.caller import Caller

    from .ports import TaskTools

NAME: Final = "Claude Orchestrator"
DISTRIBUTION: Final = "orchestrator-keeper"

INSTRUCTIONS: Final = (
    "Launches AI coding agents as background processes and watches over them. Create a task "
    "first, deploy agents on it, follow them by the task's status and their output. Every process "
    "of an agent ends with it. Answers carry success; where it is false, error says what to do."
)

#: Seconds that answers which are already there get to be read when a session is over.
FLUSH: Final = 0.2

#: Seconds that calls still running at end of input get to finish and to answer.
GRACE: Final = 1.0


def build_server(
    tasks: TaskTools, caller: Caller, large: Callable[[], AbstractAsyncContextManager[None]]
) -> Server[Any]:
    """Make the server as it looks to one caller; cheap, one for each connection.

    Args:
        tasks: What the tools call.
        caller: In whose name.
        large: Surrounds the making of an answer that may be large.
    """

    async def on_list_tools(
        _context: ServerRequestContext[Any], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(tools=list_tools())

    async def on_call_tool(
        _context: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult:
        async with large() if is_reading(params.name) else nullcontext():
            return await call_tool(params.name, params.arguments, tasks, caller)

    async def on_list_resources(
        _context: ServerRequestContext[Any], _params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        return ListResourcesResult(resources=list(RESOURCES))

    async def on_list_resource_templates(
        _context: ServerRequestContext[Any], _params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        return ListResourceTemplatesResult(resource_templates=list(TEMPLATES))

    async def on_read_resource(
        _context: ServerRequestContext[Any], params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        async with large():
            return await read_resource(params.uri, tasks)

    async def on_list_prompts(
        _context: ServerRequestContext[Any], _params: PaginatedRequestParams | None
    ) -> ListPromptsResult:
        # There are none. The original said so with an empty list, and clients do ask.
        return ListPromptsResult(prompts=[])

    server: Server[Any] = Server(
        NAME,
        version=package_version(),
        instructions=INSTRUCTIONS,
        on_list_tools=on_list_tools,
        on_call_tool=on_call_tool,
        on_list_resources=on_list_resources,
        on_list_resource_templates=on_list_resource_templates,
        on_read_resource=on_read_resource,
        on_list_prompts=on_list_prompts,
    )
    # The SDK puts tracing there, which would cost every call and go nowhere.
    server.middleware[:] = [fill_in]
    return server


def package_version() -> str:
    """Tell the version of the installed package; ``0+unknown`` for a bare checkout."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "0+unknown"


def _nothing() -> None:
    pass


def _never() -> bool:
    return False


async def serve_connection(
    tasks: TaskTools,
    caller: Caller,
    receive: ByteReceiveStream,
    send: ByteSendStream,
    *,
    on_end: Callable[[], None] = _nothing,
    grace: float = GRACE,
    hung_up: Callable[[], bool] = _never,
    rest: float = math.inf,
) -> None:
    """Serve one client until it is gone; calls run side by side.

    Only the protocol versions that begin with ``initialize`` are spoken: a client that probes
    for newer ones gets an error for that and goes on, as all clients that were measured do.

    Args:
        tasks: What the tools call.
        caller: In whose name.
        receive: The bytes from the client.
        send: The bytes to it.
        on_end: Called at once when the client has nothing more to say; calls still run then.
        grace: Seconds that these calls get to answer.
        hung_up: Whether the client has left, while there still is something of it to be read.
        rest: Seconds that reading this may take.
    """
    outbox = Outbox(send)
    inbox, messages = anyio.create_memory_object_stream[SessionMessage | Exception]()
    async with anyio.create_task_group() as session:

        def on_broken() -> None:
            on_end()
            session.cancel_scope.cancel()

        session.start_soon(outbox.run, on_broken)
        goodbye = Goodbye(on_end=on_end, grace=grace, hung_up=hung_up, rest=rest)
        session.start_soon(read_messages, receive, inbox, outbox, goodbye)
        try:
            await serve_loop(
                build_server(tasks, caller, outbox.large),
                messages,
                outbox,
                lifespan_state=dict[str, Any](),
            )
            session.cancel_scope.cancel()
        finally:
            inbox.close()
            messages.close()
            outbox.finish(FLUSH)
