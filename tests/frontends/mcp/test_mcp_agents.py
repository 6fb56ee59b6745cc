"""The agents' socket: who is let in, as whom, and what one bad connection does to the others."""

from __future__ import annotations

import json
import os
import socket
import stat
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio import fail_after
from anyio.lowlevel import checkpoint

from orchestrator.errors import InvalidInputError
from orchestrator.frontends.mcp.agents import serve_agents
from orchestrator.frontends.mcp.peer import peer_uid
from orchestrator.model import AgentId
from orchestrator.tasks.caller import Caller

from .clients import RawClient, SocketEnd, call

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from .fakes import FakeTasks

LONG = 10.0
COOKIE = "c" * 32
HANDSHAKE = {"orchestrator": 1, "cookie": COOKIE}


@pytest.fixture
def folder() -> Generator[Path]:
    """A short path: a socket's may have 107 bytes."""
    with TemporaryDirectory(prefix="orc-") as name:
        yield Path(name)


def identify(cookie: str) -> AgentId | None:
    return AgentId("builder-1") if cookie == COOKIE else None


@asynccontextmanager
async def listening(path: Path, tasks: FakeTasks, **options: Any) -> AsyncGenerator[Path]:
    serve = partial(serve_agents, path, tasks, identify, **options)
    async with anyio.create_task_group() as group:
        await group.start(serve)
        yield path
        group.cancel_scope.cancel()


@asynccontextmanager
async def connected(path: Path) -> AsyncGenerator[RawClient]:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    await checkpoint()
    with SocketEnd(client) as end:
        yield RawClient(end)


async def test_an_agent_acts_as_itself(folder: Path, tasks: FakeTasks) -> None:
    with fail_after(LONG):
        async with listening(folder / "s", tasks) as path, connected(path) as client:
            assert await client.ask(HANDSHAKE) == {"ok": True, "agent_id": "builder-1"}
            await client.initialize()
            await client.ask(call(1, "kill_real_agent", task_id="T", agent_id="a"))

    assert tasks.calls[0].caller == Caller(agent_id=AgentId("builder-1"))


async def test_handshake_and_session_may_arrive_in_one_piece(
    folder: Path, tasks: FakeTasks
) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    with fail_after(LONG):
        async with listening(folder / "s", tasks) as path, connected(path) as client:
            await client.send(HANDSHAKE, ping)
            assert (await client.receive())["ok"] is True
            assert (await client.receive())["id"] == 1


@pytest.mark.parametrize(
    "said",
    [
        json.dumps({"orchestrator": 1, "cookie": "wrong"}).encode(),
        json.dumps({"orchestrator": 2, "cookie": COOKIE}).encode(),
        json.dumps({"orchestrator": 1, "cookie": 5}).encode(),
        json.dumps({"cookie": COOKIE}).encode(),
        b"[]",
        b"{",
        b"\xff\xfe",
        b"[" * 4_000,
        b'{"jsonrpc":"2.0","id":0,"method":"initialize"}',
        b"x" * 10_000,
    ],
)
async def test_a_stranger_gets_one_line_and_the_door(
    folder: Path, tasks: FakeTasks, said: bytes
) -> None:
    with fail_after(LONG):
        async with listening(folder / "s", tasks) as path, connected(path) as client:
            await client.send_bytes(said + b"\n")
            answer = await client.receive()
            assert list(answer) == ["error"]
            with pytest.raises((anyio.IncompleteRead, anyio.BrokenResourceError)):
                await client.receive()

    assert tasks.calls == []


async def test_who_says_nothing_is_not_waited_for(folder: Path, tasks: FakeTasks) -> None:
    with fail_after(LONG):
        async with (
            listening(folder / "s", tasks, handshake_time=0.05) as path,
            connected(path) as client,
        ):
            assert "error" in await client.receive()


async def test_who_hangs_up_in_the_handshake_harms_nobody(folder: Path, tasks: FakeTasks) -> None:
    with fail_after(LONG):
        async with listening(folder / "s", tasks) as path:
            async with connected(path) as client:
                await client.send_bytes(b'{"orch')

            async with connected(path) as client:
                assert (await client.ask(HANDSHAKE))["ok"] is True


async def test_an_agent_that_never_reads_does_not_delay_another(
    folder: Path, tasks: FakeTasks
) -> None:
    tasks.answers["status"] = {"success": True, "much": "x" * 1_000_000}
    with fail_after(LONG):
        async with (
            listening(folder / "s", tasks) as path,
            connected(path) as deaf,
            connected(path) as client,
        ):
            assert (await deaf.ask(HANDSHAKE))["ok"] is True
            await deaf.initialize()
            await deaf.send(*(call(n, "get_real_task_status", task_id="T") for n in range(20)))
            await tasks.wait_called(20)
            assert (await client.ask(HANDSHAKE))["ok"] is True
            await client.initialize()
            answer = await client.ask(call(1, "kill_real_agent", task_id="T", agent_id="a"))
            assert answer["result"]["isError"] is False


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_the_socket_is_for_its_owner_only_and_gone_afterwards(
    folder: Path, tasks: FakeTasks
) -> None:
    path = folder / "new" / "s"
    with fail_after(LONG):
        async with listening(path, tasks):
            assert [mode_of(path), mode_of(path.parent)] == [0o600, 0o700]

    assert os.listdir(path.parent) == []  # noqa: PTH208  pathlib's would block just the same


async def test_the_socket_of_a_dead_orchestrator_is_replaced(
    folder: Path, tasks: FakeTasks
) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(folder / "s"))
    dead.close()
    with fail_after(LONG):
        async with listening(folder / "s", tasks) as path, connected(path) as client:
            assert (await client.ask(HANDSHAKE))["ok"] is True


@pytest.fixture
def open_folder(folder: Path) -> Path:
    folder.chmod(0o755)
    return folder


async def test_no_socket_is_made_where_others_can_reach_it(
    open_folder: Path, tasks: FakeTasks
) -> None:
    with pytest.raises(InvalidInputError, match="open to other users"):
        await serve_agents(open_folder / "s", tasks, identify)


async def test_a_path_too_long_for_a_socket_is_a_clear_error(
    folder: Path, tasks: FakeTasks
) -> None:
    with pytest.raises(InvalidInputError, match="107 bytes"):
        await serve_agents(folder / ("s" * 150), tasks, identify)


def test_the_kernel_tells_whose_process_connected() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert peer_uid(one) == os.geteuid()


def somebody_else(_connection: socket.socket) -> int:
    return os.geteuid() + 1


async def test_another_user_is_refused(folder: Path, tasks: FakeTasks) -> None:
    with fail_after(LONG):
        async with (
            listening(folder / "s", tasks, peer=somebody_else) as path,
            connected(path) as client,
        ):
            assert await client.receive() == {"error": "This socket is another user's"}
