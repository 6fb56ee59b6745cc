"""The end of a client's input is noticed at once, however much of what it said is still unread."""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import EndOfStream, fail_after
from anyio.lowlevel import checkpoint
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from orchestrator.frontends.mcp.transport import Goodbye, Outbox, read_messages

from .clients import INITIALIZE, INITIALIZED, call

LONG = 20.0
ROOT = Path(__file__).parents[3]


class OnePiece(anyio.abc.ByteReceiveStream):
    """A client that said so many lines at once, and then nothing."""

    def __init__(self, line: bytes, times: int) -> None:
        self._said = [line * times]

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        del max_bytes
        await checkpoint()
        if not self._said:
            raise EndOfStream

        return self._said.pop()

    async def aclose(self) -> None:
        await checkpoint()


class Deaf(anyio.abc.ByteSendStream):
    """A client that reads nothing."""

    async def send(self, item: bytes) -> None:
        del item
        await anyio.sleep_forever()

    async def aclose(self) -> None:
        await checkpoint()


PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'


class Reading:
    """`read_messages` at work on what a client said, and what came of it."""

    def __init__(self, client: OnePiece, outbox: Outbox, *, rest: float = math.inf) -> None:
        self.left = anyio.Event()
        self.noticed = anyio.Event()
        self.over = anyio.Event()
        self.inbox, self.messages = anyio.create_memory_object_stream[Any]()
        self._client = client
        self._outbox = outbox
        self._goodbye = Goodbye(
            on_end=self.noticed.set, grace=0.01, hung_up=self.left.is_set, rest=rest
        )

    async def run(self) -> None:
        await read_messages(self._client, self.inbox, self._outbox, self._goodbye)
        self.over.set()


async def test_the_end_is_noticed_between_two_of_many_calls_that_wait() -> None:
    reading = Reading(OnePiece(PING, 100), Outbox(Deaf()))
    with fail_after(LONG):
        async with reading.messages, anyio.create_task_group() as group:
            group.start_soon(reading.run)
            await reading.messages.receive()
            assert not reading.noticed.is_set()
            reading.left.set()
            await reading.messages.receive()
            await reading.noticed.wait()
            assert not reading.over.is_set()
            for _ in range(98):
                await reading.messages.receive()

            await reading.over.wait()


async def test_what_is_left_to_be_read_has_its_time_and_no_more() -> None:
    reading = Reading(OnePiece(PING, 100), Outbox(Deaf()), rest=0.01)
    with fail_after(LONG):
        async with reading.messages, anyio.create_task_group() as group:
            group.start_soon(reading.run)
            await reading.messages.receive()
            reading.left.set()
            await reading.messages.receive()
            # Nobody takes the next one.
            await reading.over.wait()


async def test_a_client_that_reads_no_complaints_about_its_lines_can_leave() -> None:
    outbox = Outbox(Deaf(), backlog=1_000)
    reading = Reading(OnePiece(b"no JSON\n", 1_000), outbox)
    with fail_after(LONG):
        async with reading.messages, anyio.create_task_group() as group:
            group.start_soon(outbox.run, lambda: None)
            group.start_soon(reading.run)
            await anyio.wait_all_tasks_blocked()
            assert not outbox.room
            reading.left.set()
            await reading.over.wait()
            assert reading.noticed.is_set()
            outbox.finish(0)


def request(request_id: int | str) -> JSONRPCRequest:
    return JSONRPCRequest(jsonrpc="2.0", id=request_id, method="ping")


def answer(request_id: int | str) -> SessionMessage:
    return SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=request_id, result={}))


def cancel(request_id: object) -> JSONRPCNotification:
    params = {"requestId": request_id}
    return JSONRPCNotification(jsonrpc="2.0", method="notifications/cancelled", params=params)


@pytest.mark.parametrize("spelling", ["7", "07", " 7", "+7", 7])
async def test_a_call_cancelled_by_another_spelling_of_its_id_is_not_waited_for(
    spelling: str | int,
) -> None:
    outbox = Outbox(Deaf(), requests=1)
    outbox.expect(request(7))
    assert not outbox.room
    outbox.expect(cancel(spelling))
    assert outbox.room
    with fail_after(LONG):
        await outbox.wait_answered()


@pytest.mark.parametrize("other", [True, 7.0, None, [], "8"])
async def test_what_cancels_nothing_leaves_its_call_awaited(other: object) -> None:
    outbox = Outbox(Deaf(), requests=1)
    outbox.expect(request(7))
    outbox.expect(cancel(other))
    assert not outbox.room
    await outbox.send(answer(7))
    assert outbox.room


async def test_calls_with_the_same_id_are_all_counted() -> None:
    outbox = Outbox(Deaf(), requests=2)
    outbox.expect(request(1))
    assert outbox.room
    outbox.expect(request("1"))
    assert not outbox.room
    await outbox.send(answer(1))
    assert outbox.room
    with anyio.move_on_after(0.01) as patience:
        await outbox.wait_answered()

    assert patience.cancelled_caught


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_a_client_said_before_it_left_is_answered(backend: str, kind: str) -> None:
    calls = [call(number, "get_real_task_status", task_id="T") for number in range(1, 6)]
    said = b"".join(json.dumps(one).encode() + b"\n" for one in (INITIALIZE, INITIALIZED, *calls))
    environment = {**os.environ, "ORCHESTRATOR_BACKEND": backend}
    reading, writing = ends(kind)
    os.write(writing, said)
    os.close(writing)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.frontends.mcp.stdio_program", "-", "big", "patient"],
            cwd=ROOT,
            env=environment,
            stdin=reading,
            capture_output=True,
            timeout=LONG,
            check=True,
        )
    finally:
        os.close(reading)

    events = [line for line in done.stderr.decode().splitlines() if line.startswith("[")]
    assert events[:4] == ["[opening]", "[open]", "[shutdown: end of input]", "[call 0]"]
    answered = [json.loads(line)["id"] for line in done.stdout.splitlines()]
    assert sorted(answered) == list(range(6))


def ends(kind: str) -> tuple[int, int]:
    """Return a reading and a writing end."""
    if kind == "pipe":
        return os.pipe()

    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()
