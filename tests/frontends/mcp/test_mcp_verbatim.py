"""The structured form of an answer is its text once more, in a line that can be read."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from anyio import fail_after
from mcp_types import JSONRPCResponse

from orchestrator.frontends.mcp.framing import encode
from orchestrator.frontends.mcp.verbatim import STRUCTURED, Verbatim

from .clients import call, raw_client

if TYPE_CHECKING:
    from .fakes import FakeTasks

LONG = 10.0

BODIES: list[dict[str, object]] = [
    {"success": True},
    {"success": True, "structuredContent": {"a": 1}, "text": '"}}\n,"structuredContent":{}'},
    {"success": True, "lines": "one\ntwo\r\u2028three", "zero": "\0", "quote": '"\\"'},
    {"success": True, "n": [1, -1.5, 1e300, None, True, {}, []], "ü": "\U0001f600"},
    {"success": True, "n": [10**30, -(10**30), 2**64]},
]


def nested(levels: int) -> dict[str, object]:
    inner: dict[str, object] = {}
    for _ in range(levels):
        inner = {"in": inner}

    return inner


async def status(tasks: FakeTasks, body: dict[str, object], request_id: int | str = 1) -> Any:
    """Let the tasks answer so, and return what is on the wire."""
    tasks.answers["status"] = body
    async with raw_client(tasks) as client:
        with fail_after(LONG):
            await client.initialize()
            return await client.ask(call(request_id, "get_real_task_status", task_id="TASK-1"))


@pytest.mark.parametrize("body", BODIES)
async def test_both_forms_say_the_same(tasks: FakeTasks, body: dict[str, object]) -> None:
    answer = await status(tasks, body)

    assert answer["id"] == 1
    assert answer["jsonrpc"] == "2.0"
    result = answer["result"]
    assert result[STRUCTURED] == body
    assert result["isError"] is False
    ((kind, text),) = [(part["type"], part["text"]) for part in result["content"]]
    assert kind == "text"
    assert json.loads(text) == body


@pytest.mark.parametrize("name", ['"}}, \n ü', 0, -1, 10**30])
async def test_the_id_of_a_request_comes_back_whatever_it_holds(
    tasks: FakeTasks, name: int | str
) -> None:
    answer = await status(tasks, {"success": True}, name)

    assert (answer["id"], answer["result"][STRUCTURED]) == (name, {"success": True})


@pytest.mark.parametrize("name", ["plain", "half \udce9"])
async def test_what_json_has_no_number_for_is_null_in_both_forms(
    tasks: FakeTasks, name: str
) -> None:
    body: dict[str, object] = {"success": True, "name": name, "n": [math.nan, math.inf, 1.5]}

    result = (await status(tasks, body))["result"]

    wanted = {**body, "name": name.replace("\udce9", "?"), "n": [None, None, 1.5]}
    assert result[STRUCTURED] == wanted
    assert json.loads(result["content"][0]["text"]) == wanted


async def test_an_answer_that_nobody_could_read_becomes_an_error(tasks: FakeTasks) -> None:
    result = (await status(tasks, {"success": True, "data": nested(220)}))["result"]

    assert result["isError"] is True
    assert STRUCTURED not in result
    assert "get_real_task_status" in result["content"][0]["text"]


def test_a_response_whose_other_parts_cannot_be_written_becomes_an_error() -> None:
    result: dict[str, Any] = {"content": [{"text": "\udce9"}], STRUCTURED: Verbatim("{}")}

    line = encode(JSONRPCResponse(jsonrpc="2.0", id=7, result=result))

    assert line.count(b"\n") == 1
    answer = json.loads(line)
    assert (answer["id"], answer["error"]["code"]) == (7, -32603)
