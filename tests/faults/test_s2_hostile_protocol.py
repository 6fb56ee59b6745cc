"""S2: what is no proper request, too many of them, and a client that never reads."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import pytest

from tests.support.mcp_server import ROOT, WAITS_LONG, World, open_lines, open_server

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602


def request(number: object, method: str, params: object) -> bytes:
    """Make one line."""
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return json.dumps(message).encode() + b"\n"


#: A line, and the code of the error that answers it.
MALFORMED: Final[dict[str, tuple[bytes, int]]] = {
    "no JSON": (b"hello\n", PARSE_ERROR),
    "half JSON": (b'{"jsonrpc": "2.0", "id": 1, \n', PARSE_ERROR),
    "no UTF-8": (b"\xff\xfe\xfd\n", PARSE_ERROR),
    "a number": (b"17\n", INVALID_REQUEST),
    "an object of something else": (b'{"hello": "world"}\n', INVALID_REQUEST),
    "an unknown method": (request(7, "coffee/make", {}), METHOD_NOT_FOUND),
    "params of a wrong type": (request(7, "tools/call", {"name": 17}), INVALID_PARAMS),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_line_is_answered_with_an_error_and_all_goes_on(
    world: World, kind: str
) -> None:
    line, code = MALFORMED[kind]
    with open_server(world) as server:
        server.stdin.write(line)
        answer: dict[str, Any] = json.loads(server.read_line())
        assert answer["error"]["code"] == code
        assert server.create_task()


def test_nesting_without_end_and_huge_numbers_break_nothing(world: World) -> None:
    with open_server(world) as server:
        task = server.create_task()
        agent = server.deploy(task, "sleep=100")
        deep = b"[" * 100_000 + b"]" * 100_000
        server.stdin.write(
            b'{"jsonrpc":"2.0","id":"deep","method":"tools/call","params":{"name":'
            b'"create_real_task","arguments":{"description":' + deep + b"}}}\n"
        )
        assert "error" in json.loads(server.read_line())
        for tail in (10**30, "9" * 40, -(10**30)):
            number = server.order("get_agent_output", task_id=task, agent_id=agent, tail=tail)
            assert server.receive(number)["result"]["isError"] is True

        assert agent in server.rows(task)


def test_a_thousand_calls_at_once_are_all_answered(world: World, backend: str) -> None:
    with open_server(world, backend) as server:
        task = server.create_task()
        agent = server.deploy(task, "sleep=100")
        world.roster.wait_agent(agent)
        numbers = [server.order("get_real_task_status", task_id=task) for _ in range(400)]
        numbers += [
            server.order(
                "update_agent_progress",
                task_id=task,
                agent_id=agent,
                status="working",
                message=f"{n}",
            )
            for n in range(300)
        ]
        numbers += [server.order("create_real_task", description=f"{n}") for n in range(300)]
        for number in numbers:
            assert server.receive(number)["result"]["structuredContent"]["success"] is True

        status = server.call("get_real_task_status", task_id=task)
        assert status["enhanced_progress"]["total_progress_entries"] == 300


def test_a_client_that_never_reads_holds_up_neither_agents_nor_the_end(
    world: World, backend: str
) -> None:
    with open_server(world, backend, variables=WAITS_LONG) as server:
        task = server.create_task()
        agent = server.deploy(task, "sleep=100 ignore=INT kids=1")
        leader = world.roster.wait_agent(agent)
        params = {"name": "get_real_task_status", "arguments": {"task_id": task}}
        for _ in range(3):
            server.stdin.write(b"".join(request(n, "tools/call", params) for n in range(200)))

        environment = world.environment(backend, **leader.marks)
        with open_lines((sys.executable, "-m", "orchestrator"), env=environment, cwd=ROOT) as relay:
            relay.initialize()
            answer = relay.call(
                "update_agent_progress",
                task_id=task,
                agent_id=agent,
                status="working",
                message="still here",
            )
            assert answer["success"] is True

        server.signal("SIGTERM")
        assert server.wait() == 143
        assert world.roster.alive() == []
