"""The scripted stand-in for the Messages API by itself, without any CLI."""

from __future__ import annotations

import http.client
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.claude_cli import claude_environment, find_claude
from tests.support.messages_api import BODY_MAX, messages_api
from tests.support.messages_script import (
    OVER,
    WAITS_MAX,
    Request,
    ScriptError,
    Silence,
    Text,
    ToolResult,
    ToolUse,
    answer,
    tool_use_id,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.messages_api import MessagesApi

ECHO = "mcp__claude-orchestrator__echo"
WAIT = "WaitForMcpServers"


def said(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def used(name: str, unique: str) -> dict[str, Any]:
    call = ToolUse(name, {})
    return {"type": "tool_use", "id": tool_use_id(call, unique), "name": name, "input": {}}


def answered(use: dict[str, Any], content: object) -> dict[str, Any]:
    result = {"type": "tool_result", "tool_use_id": use["id"], "content": content}
    return {"role": "user", "content": [result]}


def request(prompt: object, *later: dict[str, Any], tools: Sequence[str] = ("Bash",)) -> Request:
    messages = [{"role": "user", "content": prompt}, *later]
    body = {"messages": messages, "tools": [{"name": name} for name in tools], "model": "m"}
    return Request("/v1/messages", {}, body)


def test_a_conversation_is_known_by_the_marker_in_its_first_message() -> None:
    blocks = [{"type": "text", "text": "context"}, {"type": "text", "text": "do [[script a-1.b]]"}]

    assert request(blocks).script == "a-1.b"
    assert request("[[script one]] then [[script two]]").script == "one"
    assert request("hello", said({"type": "text", "text": "[[script x]]"})).script is None


def test_a_request_without_tools_is_a_side_request_even_when_it_quotes_the_prompt() -> None:
    side = request("title of: [[script a]]", tools=())

    assert side.script is None
    assert answer({}, side) == (Text("ok"),)


def test_a_conversation_goes_on_with_the_turn_after_those_it_has() -> None:
    scripts = {"a": [[Text("one")], [Text("two")]]}
    first = said({"type": "text", "text": "one"})
    second = said({"type": "text", "text": "two"})

    assert answer(scripts, request("[[script a]]")) == (Text("one"),)
    assert answer(scripts, request("[[script a]]", first)) == (Text("two"),)
    assert answer(scripts, request("[[script a]]", first, second)) == (Text(OVER),)


def test_a_turn_can_be_made_of_the_prompt_and_of_what_a_tool_said() -> None:
    use = used("Bash", "1")
    later = (said(use), answered(use, [{"type": "text", "text": "pid=7"}]))
    asked = request("[[script a]] you are agent_id=x-1", *later)

    assert asked.find(r"agent_id=(\S+)") == "x-1"
    assert asked.find_in_result(r"pid=(\d+)") == "7"
    assert asked.tool_results == (ToolResult(use["id"], "pid=7", is_error=False),)
    with pytest.raises(ScriptError, match="not in the prompt"):
        asked.find(r"task_id=(\S+)")

    with pytest.raises(ScriptError, match="no tool has answered"):
        request("[[script a]]").find_in_result(r"(\d)")


def test_a_tool_that_is_not_offered_yet_is_waited_for_without_counting_as_a_turn() -> None:
    scripts = {"a": [[ToolUse(ECHO, {})]]}
    first = request("[[script a]]", tools=(WAIT,))
    assert answer(scripts, first) == (ToolUse(WAIT, {}),)

    wait = used(WAIT, "1")
    then = request("[[script a]]", said(wait), answered(wait, "ready"), tools=(ECHO,))
    assert (then.turn, then.waits, then.tool_results) == (0, 1, ())
    assert answer(scripts, then) == (ToolUse(ECHO, {}),)


def test_a_deferred_tool_is_searched_for_by_its_name() -> None:
    (search,) = answer({"a": [[ToolUse(ECHO, {})]]}, request("[[script a]]", tools=("ToolSearch",)))

    assert search == ToolUse("ToolSearch", {"query": f"select:{ECHO}", "max_results": 1})


def test_a_tool_that_never_comes_is_a_fault() -> None:
    scripts = {"a": [[ToolUse(ECHO, {})]]}
    waits = [said(used(WAIT, str(index))) for index in range(WAITS_MAX)]

    with pytest.raises(ScriptError, match="does not offer"):
        answer(scripts, request("[[script a]]", *waits, tools=(WAIT,)))

    with pytest.raises(ScriptError, match="does not offer"):
        answer(scripts, request("[[script a]]"))


def ask(api: MessagesApi, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    """Send one request on a connection of its own."""
    connection = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_an_answer_comes_whole_or_as_events() -> None:
    script = [[Text("look"), ToolUse("Bash", {"command": "ls"})]]
    body = request("[[script a]]").body
    with messages_api({"a": script}) as api:
        status, whole = ask(api, "POST", "/v1/messages?beta=true", body)
        streamed_status, streamed = ask(api, "POST", "/v1/messages", {**body, "stream": True})

    message = json.loads(whole)
    assert (status, streamed_status) == (200, 200)
    assert message["stop_reason"] == "tool_use"
    assert [block["type"] for block in message["content"]] == ["text", "tool_use"]
    events = [
        json.loads(line.removeprefix(b"data: "))
        for line in streamed.splitlines()
        if line.startswith(b"data: ")
    ]
    assert [event["type"] for event in events] == [
        "message_start",
        *["content_block_start", "content_block_delta", "content_block_stop"] * 2,
        "message_delta",
        "message_stop",
    ]
    assert events[2]["delta"]["text"] == "look"
    assert json.loads(events[5]["delta"]["partial_json"]) == {"command": "ls"}


def test_what_else_a_cli_asks_for_is_answered() -> None:
    with messages_api({}) as api:
        assert ask(api, "HEAD", "/") == (200, b"")
        assert ask(api, "POST", "/v1/messages/count_tokens", {"messages": []})[0] == 200
        assert ask(api, "GET", "/v1/models")[0] == 404
        assert ask(api, "POST", "/elsewhere", {})[0] == 404
        assert ask(api, "POST", "/v1/messages", ["no", "object"])[0] == 400
        assert api.requests == ()


def test_a_body_that_is_too_long_is_refused_before_it_is_read() -> None:
    with messages_api({}) as api:
        connection = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=10)
        connection.putrequest("POST", "/v1/messages")
        connection.putheader("Content-Length", str(BODY_MAX + 1))
        connection.endheaders()
        assert connection.getresponse().status == 400
        connection.close()


def test_a_fault_reaches_both_the_client_and_the_test() -> None:
    with (
        pytest.raises(ExceptionGroup) as caught,
        messages_api({"a": []}) as api,
    ):
        assert ask(api, "POST", "/v1/messages", request("[[script b]]").body)[0] == 400

    assert caught.group_contains(ScriptError, match="no script 'b'")


def test_closing_ends_silent_and_idle_connections_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with messages_api({"a": [[Silence()]]}) as api:
        idle = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=10)
        idle.request("HEAD", "/")
        idle.getresponse().read()
        silent = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=10)
        silent.request("POST", "/v1/messages", json.dumps(request("[[script a]]").body))
        assert api.wait_request(lambda seen: seen.script == "a").turn == 0

    with pytest.raises(http.client.RemoteDisconnected):
        silent.getresponse()

    idle.close()
    silent.close()
    # Threads of earlier tests, kept in case of more work, may have ended meanwhile.
    assert set(threading.enumerate()) <= before


def test_waiting_for_a_request_that_does_not_come_ends() -> None:
    with (
        messages_api({}) as api,
        pytest.raises(TimeoutError, match="no such request"),
    ):
        api.wait_request(lambda _: True, timeout=0.01)


def test_the_cli_is_found_by_its_variable_then_on_path(tmp_path: Path) -> None:
    program = tmp_path / "claude"
    assert find_claude({"PATH": str(tmp_path)}) is None
    program.touch(mode=0o755)

    assert find_claude({"PATH": str(tmp_path)}) == program
    assert find_claude({"PATH": "/nowhere", "CLAUDE_CLI": str(program)}) == program
    with pytest.raises(FileNotFoundError, match="CLAUDE_CLI"):
        find_claude({"PATH": str(tmp_path), "CLAUDE_CLI": str(tmp_path / "missing")})


def test_the_environment_of_the_cli_holds_no_account(tmp_path: Path) -> None:
    environment = claude_environment("http://127.0.0.1:9", tmp_path)

    assert environment["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:9"
    assert environment["HOME"] == str(tmp_path)
    assert environment["ANTHROPIC_API_KEY"] == "not-a-key"
