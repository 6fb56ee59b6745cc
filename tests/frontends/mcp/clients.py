"""Clients for the tests: the SDK's own, and one that sends whatever bytes a test wants."""

from __future__ import annotations

import json
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream
from mcp.client.client import Client
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from orchestrator.frontends.mcp.descriptors import (
    Descriptor,
    DescriptorReceiveStream,
    DescriptorSendStream,
)
from orchestrator.frontends.mcp.server import serve_connection
from orchestrator.tasks.caller import Caller

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from types import TracebackType
    from typing import Self

    from mcp.client._transport import TransportStreams

    from orchestrator.frontends.mcp.ports import TaskTools

LINE_MAX = 200_000_000

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    },
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def call(request_id: int | str, tool: str, **arguments: Any) -> dict[str, Any]:
    """Make the message that calls a tool."""
    return {
        "jsonrpc": "2.0",
        "id": request_id,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }


class RawClient:
    """Speaks lines."""

    def __init__(self, stream: SocketEnd) -> None:
        self.stream = stream
        self._lines = BufferedByteReceiveStream(stream.receiving)

    async def send(self, *messages: dict[str, Any]) -> None:
        await self.send_bytes(b"".join(json.dumps(m).encode() + b"\n" for m in messages))

    async def send_bytes(self, data: bytes) -> None:
        await self.stream.sending.send(data)

    async def receive(self) -> dict[str, Any]:
        return json.loads(await self._lines.receive_until(b"\n", LINE_MAX))

    async def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        await self.send(message)
        return await self.receive()

    async def initialize(self) -> dict[str, Any]:
        answer = await self.ask(INITIALIZE)
        await self.send(INITIALIZED)
        return answer


class SocketEnd:
    """One end of a connection, as a byte stream of the kind that is tested."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._descriptor = Descriptor(end.fileno())

    def __enter__(self) -> Self:
        self._descriptor.__enter__()
        self.receiving = DescriptorReceiveStream(self._descriptor)
        self.sending = DescriptorSendStream(self._descriptor)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._descriptor.__exit__(exc_type, exc_val, exc_tb)
        self._end.close()

    def end_input(self) -> None:
        self._end.shutdown(socket.SHUT_WR)

    def hang_up(self) -> None:
        self._end.shutdown(socket.SHUT_RDWR)


@asynccontextmanager
async def raw_client(
    tasks: TaskTools, caller: Caller | None = None, *, on_end: Callable[[], None] | None = None
) -> AsyncGenerator[RawClient]:
    """Serve one connection and hand out its other end."""
    one, other = socket.socketpair()
    with SocketEnd(one) as ours, SocketEnd(other) as theirs:
        async with anyio.create_task_group() as group:

            async def serve() -> None:
                await serve_connection(
                    tasks,
                    caller or Caller(),
                    theirs.receiving,
                    theirs.sending,
                    on_end=on_end or (lambda: None),
                )
                theirs.hang_up()

            group.start_soon(serve)
            yield RawClient(ours)
            group.cancel_scope.cancel()


class StreamTransport:
    """The SDK's transport over a byte stream."""

    def __init__(self, stream: SocketEnd) -> None:
        self._stream = stream
        self._context = self._open()

    async def __aenter__(self) -> TransportStreams:
        return await self._context.__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self._context.__aexit__(exc_type, exc_val, exc_tb)

    @asynccontextmanager
    async def _open(self) -> AsyncGenerator[TransportStreams]:
        to_us, read = anyio.create_memory_object_stream[SessionMessage | Exception]()
        write, from_us = anyio.create_memory_object_stream[SessionMessage]()

        async def pump_in() -> None:
            lines = BufferedByteReceiveStream(self._stream.receiving)
            async with to_us:
                try:
                    while True:
                        line = await lines.receive_until(b"\n", LINE_MAX)
                        message = jsonrpc_message_adapter.validate_json(line)
                        await to_us.send(SessionMessage(message))
                except (anyio.IncompleteRead, anyio.ClosedResourceError):
                    return
                except anyio.BrokenResourceError:
                    return

        async def pump_out() -> None:
            async with from_us:
                async for item in from_us:
                    text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
                    await self._stream.sending.send(text.encode() + b"\n")

        async with read, write, anyio.create_task_group() as group:
            group.start_soon(pump_in)
            group.start_soon(pump_out)
            yield read, write
            group.cancel_scope.cancel()


@asynccontextmanager
async def sdk_client(
    tasks: TaskTools, caller: Caller | None = None, *, mode: str = "auto"
) -> AsyncGenerator[Client]:
    """Serve one connection to the SDK's own client."""
    async with (
        raw_client(tasks, caller) as raw,
        Client(StreamTransport(raw.stream), mode=mode) as client,
    ):
        yield client
