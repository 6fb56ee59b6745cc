"""Lines that the parser does not take, arguments that no check expects, strange handshakes."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio import fail_after
from mcp_types import TextContent

from orchestrator.frontends.mcp.agents import serve_agents
from orchestrator.frontends.mcp.calls import call_tool
from orchestrator.tasks.caller import Caller

from .clients import raw_client
from .test_mcp_agents import HANDSHAKE, connected

if TYPE_CHECKING:
    from .fakes import FakeTasks

LONG = 10.0

DEEP = b"[" * 300 + b"]" * 300
LONG_NUMBER = b"9" * 5_000


@pytest.mark.parametrize("params", [DEEP, LONG_NUMBER])
@pytest.mark.parametrize(
    ("before", "after", "request_id"),
    [
        # As the SDKs of the protocol write it: in Python the id comes early, in JavaScript late.
        (b'{"jsonrpc":"2.0","id":7,"method":"ping",', b"}", 7),
        (b'{"method":"ping",', b',"jsonrpc":"2.0","id":7}', 7),
        (b'{"method":"ping",', b',"id":"a \\"b\\" }","jsonrpc":"2.0"}\r', 'a "b" }'),
        (b' { "id" : -7 , "method":"ping",', b"}", -7),
        (b'{"method":"\\"id\\":1,","id":"seven",', b"}", "seven"),
        (b'{"method":"ping","params":{"id":7},', b"}", None),
        (b'{"method":"ping","id":1.5,', b"}", None),
        (b'{"method":"ping","id":null,', b"}", None),
        (b'{"method":"ping","id":' + LONG_NUMBER + b",", b"}", None),
        (b'{"method":"ping",', b"}", None),
    ],
)
async def test_a_request_beyond_the_parser_is_answered_under_its_id(
    tasks: FakeTasks, params: bytes, before: bytes, after: bytes, request_id: object
) -> None:
    with fail_after(LONG):
        async with raw_client(tasks) as client:
            await client.send_bytes(before + b'"params":{"a":' + params + b"}" + after + b"\n")
            answer = await client.receive()
            assert answer["error"]["code"] == -32700
            assert answer["id"] == request_id
            assert "result" in await client.initialize()


@pytest.mark.parametrize("key", [b"id", b"\\u0069d", b"i\\u0064"])
async def test_an_id_that_is_none_makes_no_notification_however_its_key_is_written(
    tasks: FakeTasks, key: bytes
) -> None:
    with fail_after(LONG):
        async with raw_client(tasks) as client:
            await client.send_bytes(b'{"jsonrpc":"2.0","%s":null,"method":"ping"}\n' % key)
            answer = await client.receive()
            assert (answer["id"], answer["error"]["code"]) == (None, -32600)


@pytest.mark.parametrize("cookie", ["half \ud800", "\udcff", "ä", "a\0b", ""])
async def test_a_cookie_that_none_can_be_is_refused_like_any_other(
    tasks: FakeTasks, cookie: str, caplog: pytest.LogCaptureFixture
) -> None:
    handshake = json.dumps({**HANDSHAKE, "cookie": cookie}).encode()
    with fail_after(LONG), TemporaryDirectory(prefix="orc-") as folder:
        path = Path(folder) / "s"
        async with anyio.create_task_group() as group:
            await group.start(serve_agents, path, tasks, only_what_can_be_looked_up)
            async with connected(path) as client:
                await client.send_bytes(handshake + b"\n")
                assert list(await client.receive()) == ["error"]
                with pytest.raises(anyio.IncompleteRead):
                    await client.receive()

            group.cancel_scope.cancel()

    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def only_what_can_be_looked_up(cookie: str) -> None:
    """Find nobody, as a database does that keeps text as UTF-8."""
    cookie.encode()


class Unreadable(Mapping[str, Any]):
    """Arguments at which a check fails in a way of its own."""

    def __getitem__(self, key: str) -> Any:
        raise OverflowError(f"{key} is too much")

    def __iter__(self) -> Iterator[str]:
        return iter(["task_id"])

    def __len__(self) -> int:
        return 1


async def test_a_check_that_fails_itself_is_an_error_of_the_tool(
    tasks: FakeTasks, caplog: pytest.LogCaptureFixture
) -> None:
    result = await call_tool("get_real_task_status", Unreadable(), tasks, Caller())
    assert result.is_error
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert content.text == "Error calling tool 'get_real_task_status': task_id is too much"
    assert "OverflowError" in caplog.text
    assert tasks.calls == []
