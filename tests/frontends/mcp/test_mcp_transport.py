"""The wire: framing, what is no message, and clients that do not behave."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio import EndOfStream, fail_after
from anyio.lowlevel import checkpoint
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCRequest, JSONRPCResponse

from orchestrator.frontends.mcp.framing import LINE_MAX, LineReader, LineTooLongError
from orchestrator.frontends.mcp.transport import LARGE_MAX, Goodbye, Outbox, read_messages

from .clients import INITIALIZE, call, raw_client

if TYPE_CHECKING:
    from .fakes import FakeTasks

LONG = 10.0


class Chunks(anyio.abc.ByteReceiveStream):
    """A stream of the given pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        del max_bytes
        await checkpoint()
        if not self._pieces:
            raise EndOfStream

        return self._pieces.pop(0)

    async def aclose(self) -> None:
        await checkpoint()


async def lines_of(*pieces: bytes, limit: int = LINE_MAX) -> list[bytes | str]:
    reader = LineReader(Chunks(*pieces), limit)
    found: list[bytes | str] = []
    while True:
        try:
            found.append(await reader.next_line())
        except LineTooLongError:
            found.append("too long")
        except EndOfStream:
            return found


async def test_lines_are_cut_wherever_the_bytes_happen_to_end() -> None:
    assert await lines_of(b"a", b"b\nc\n\nd", b"\n", b"e") == [b"ab", b"c", b"", b"d", b"e"]
    assert await lines_of() == []
    assert await lines_of(b"\n") == [b""]


async def test_a_line_that_is_too_long_is_dropped_and_the_next_one_read() -> None:
    assert await lines_of(b"12345\n123", b"456\nabc\n", limit=5) == [b"12345", "too long", b"abc"]
    assert await lines_of(b"123456", limit=5) == ["too long"]


@pytest.mark.parametrize(
    ("line", "code", "request_id"),
    [
        (b"{", -32700, None),
        (b"hello", -32700, None),
        (b'\xff\xfe{"jsonrpc"', -32700, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping\xff"}', -32700, None),
        (b"[" * 100_000, -32700, None),
        (b'{"a\\ud800":' * 300 + b"1" + b"}" * 300, -32700, None),
        (b"[]", -32600, None),
        (b"null", -32600, None),
        (b'"text"', -32600, None),
        (b"{}", -32600, None),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600, None),
        (b'{"id":7,"method":"ping"}', -32600, 7),
        (b'{"jsonrpc":"1.0","id":"x","method":"ping"}', -32600, "x"),
        (b'{"jsonrpc":"2.0","id":8,"method":5}', -32600, 8),
        (b'{"jsonrpc":"2.0","id":9,"method":"ping","params":[1]}', -32600, 9),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":3,"method":"no/such"}', -32601, 3),
        (b'{"jsonrpc":"2.0","id":4,"method":"server/discover"}', -32601, 4),
        (b'{"jsonrpc":"2.0","id":5,"method":"tools/list"}', -32602, 5),
    ],
)
async def test_what_is_no_message_is_answered_and_the_connection_goes_on(
    tasks: FakeTasks, line: bytes, code: int, request_id: int | str | None
) -> None:
    with fail_after(LONG):
        async with raw_client(tasks) as client:
            await client.send_bytes(line + b"\n")
            answer = await client.receive()
            assert answer["error"]["code"] == code
            assert answer["id"] == request_id
            assert "result" in await client.initialize()


async def test_blank_lines_and_windows_line_ends_are_no_fault(tasks: FakeTasks) -> None:
    with fail_after(LONG):
        async with raw_client(tasks) as client:
            await client.send_bytes(b"\n\r\n  \n" + json.dumps(INITIALIZE).encode() + b"\r\n")
            assert (await client.receive())["id"] == 0


async def test_half_an_emoji_does_not_lose_the_request(tasks: FakeTasks) -> None:
    with fail_after(LONG):
        async with raw_client(tasks) as client:
            await client.initialize()
            message = call(1, "create_real_task", description="cut \ud83d off, \\ud83d kept")
            answer = await client.ask(message)

    assert answer["result"]["isError"] is False
    assert tasks.calls[0].arguments["description"] == "cut ? off, \\ud83d kept"


async def test_a_line_of_fifty_megabytes_is_answered(tasks: FakeTasks) -> None:
    with fail_after(60):
        async with raw_client(tasks) as client:
            await client.initialize()
            answer = await client.ask(call(1, "create_real_task", description="d" * 50_000_000))

    assert answer["result"]["isError"] is False
    assert len(tasks.calls[0].arguments["description"]) == 50_000_000


async def test_a_line_above_the_bound_is_refused_and_the_connection_goes_on(
    tasks: FakeTasks,
) -> None:
    piece = b"x" * 1_000_000
    with fail_after(60):
        async with raw_client(tasks) as client:
            for _ in range(LINE_MAX // len(piece) + 1):
                await client.send_bytes(piece)

            await client.send_bytes(b"\n")
            answer = await client.receive()
            assert answer["error"]["code"] == -32600
            assert str(LINE_MAX) in answer["error"]["message"]
            assert "result" in await client.initialize()


async def test_a_slow_call_does_not_delay_another(tasks: FakeTasks) -> None:
    tasks.gates["kill"] = anyio.Event()
    with fail_after(LONG):
        async with raw_client(tasks) as client:
            await client.initialize()
            await client.send(call(1, "kill_real_agent", task_id="T", agent_id="a"))
            await tasks.wait_called(1)
            quick = await client.ask(call(2, "get_real_task_status", task_id="T"))
            assert quick["id"] == 2
            tasks.gates["kill"].set()
            assert (await client.receive())["id"] == 1


async def test_a_cancelled_call_stops_and_is_not_answered(tasks: FakeTasks) -> None:
    tasks.gates["kill"] = anyio.Event()
    cancel = {
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": 1},
    }
    with fail_after(LONG):
        async with raw_client(tasks) as client:
            await client.initialize()
            await client.send(call(1, "kill_real_agent", task_id="T", agent_id="a"))
            await tasks.wait_called(1)
            await client.send(cancel)
            answer = await client.ask(call(2, "get_real_task_status", task_id="T"))

    assert answer["id"] == 2
    assert tasks.finished == ["status"]


async def test_two_thousand_calls_sent_before_an_answer_is_read_are_all_answered(
    tasks: FakeTasks,
) -> None:
    with fail_after(60):
        async with raw_client(tasks) as client:
            await client.initialize()
            await client.send(
                *(call(n, "get_real_task_status", task_id=f"T-{n}") for n in range(2_000))
            )
            answered = {(await client.receive())["id"] for _ in range(2_000)}

    assert answered == set(range(2_000))


async def test_calls_under_way_at_end_of_input_are_still_answered(tasks: FakeTasks) -> None:
    tasks.gates["update_progress"] = anyio.Event()
    ended = anyio.Event()
    report = {"task_id": "T", "agent_id": "a", "status": "completed", "message": "done"}
    with fail_after(LONG):
        async with raw_client(tasks, on_end=ended.set) as client:
            await client.initialize()
            await client.send(call(1, "update_agent_progress", **report))
            client.stream.end_input()
            await ended.wait()
            tasks.gates["update_progress"].set()
            assert (await client.receive())["id"] == 1
            with pytest.raises(anyio.IncompleteRead):
                await client.receive()


async def test_a_call_that_outlasts_the_grace_at_end_of_input_is_cancelled(
    tasks: FakeTasks,
) -> None:
    tasks.gates["kill"] = anyio.Event()
    with fail_after(LONG):
        async with raw_client(tasks) as client:
            await client.initialize()
            await client.send(call(1, "kill_real_agent", task_id="T", agent_id="a"))
            client.stream.end_input()
            assert "error" in await client.receive()
            with pytest.raises(anyio.IncompleteRead):
                await client.receive()

    assert tasks.finished == []


async def test_calls_with_large_answers_wait_for_their_turn_and_delay_no_other(
    tasks: FakeTasks,
) -> None:
    tasks.gates["status"] = anyio.Event()
    asked = 2 * LARGE_MAX
    with fail_after(LONG):
        async with raw_client(tasks) as client:
            await client.initialize()
            await client.send(
                *(call(n, "get_real_task_status", task_id="T") for n in range(asked)),
                call("last", "kill_real_agent", task_id="T", agent_id="a"),
            )
            assert (await client.receive())["id"] == "last"
            assert [one.method for one in tasks.calls].count("status") == LARGE_MAX
            tasks.gates["status"].set()
            answered = {(await client.receive())["id"] for _ in range(asked)}

    assert answered == set(range(asked))


class Stuck(anyio.abc.ByteSendStream):
    """A client that never reads."""

    def __init__(self) -> None:
        self.offered = 0

    async def send(self, item: bytes) -> None:
        self.offered += len(item)
        await anyio.sleep_forever()

    async def aclose(self) -> None:
        await checkpoint()


class Endless(anyio.abc.ByteReceiveStream):
    """A client that asks for ever."""

    def __init__(self) -> None:
        self.asked = 0

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        del max_bytes
        await checkpoint()
        self.asked += 1
        return b'{"jsonrpc":"2.0","id":%d,"method":"ping"}\n' % self.asked

    async def aclose(self) -> None:
        await checkpoint()


@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize("leaves", [True, False])
async def test_a_client_that_never_reads_is_not_read_for_ever(
    *, answers: bool, leaves: bool
) -> None:
    client = Endless()
    outbox = Outbox(Stuck(), backlog=10_000, requests=50)
    inbox, messages = anyio.create_memory_object_stream[Any]()
    left = anyio.Event()
    ended = anyio.Event()
    goodbye = Goodbye(on_end=ended.set, grace=0.01, hung_up=left.is_set)

    async def answer() -> None:
        async for item in messages:
            if answers:
                await outbox.send(answer_to(item))

    with fail_after(LONG):
        async with messages, anyio.create_task_group() as group:
            group.start_soon(outbox.run, lambda: None)
            group.start_soon(answer)
            group.start_soon(read_messages, client, inbox, outbox, goodbye)
            await anyio.wait_all_tasks_blocked()
            assert 50 <= client.asked < 1_000
            assert not ended.is_set()
            if leaves:
                left.set()
                await ended.wait()

            outbox.finish(0)
            group.cancel_scope.cancel()


async def test_what_running_calls_answer_is_bounded_for_a_client_that_never_reads() -> None:
    outbox = Outbox(Stuck(), backlog=1_000)
    made = 0

    async def answer() -> None:
        nonlocal made
        async with outbox.large():
            made += 1
            await checkpoint()

        await outbox.send(LONG_ANSWER)

    with fail_after(LONG):
        async with anyio.create_task_group() as group:
            group.start_soon(outbox.run, lambda: None)
            for _ in range(20 * LARGE_MAX):
                group.start_soon(answer)

            await anyio.wait_all_tasks_blocked()
            assert LARGE_MAX <= made <= 2 * LARGE_MAX
            outbox.finish(0)
            group.cancel_scope.cancel()


LONG_ANSWER = SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=1, result={"a": "b" * 999}))


def answer_to(item: SessionMessage) -> SessionMessage:
    assert isinstance(item.message, JSONRPCRequest)
    return SessionMessage(
        JSONRPCResponse(jsonrpc="2.0", id=item.message.id, result={"a": "b" * 99})
    )
