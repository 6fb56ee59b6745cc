"""What a reconnecting relay is made of, without a process: lines, messages, memory and patience."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.frontends.relay.answers import NOT_THERE, error_answer
from orchestrator.frontends.relay.conversation import AGAIN, Conversation
from orchestrator.frontends.relay.handshake import RefusedError, StrangerError, read_answer
from orchestrator.frontends.relay.held import BYTES_MAX, LINES_MAX, Held
from orchestrator.frontends.relay.lines import LineCutter
from orchestrator.frontends.relay.messages import Message, read_message
from orchestrator.frontends.relay.pacing import DELAY_MAX, DELAY_MIN, Pacing


def read(since: float = 0.0, **message: Any) -> Message:
    return read_message(json.dumps(message).encode() + b"\n", since)


# ------------------------------------------------------------------ lines
@given(st.lists(st.binary(max_size=12)), st.booleans())
def test_lines_come_out_whole_however_they_arrive(pieces: list[bytes], ended: bool) -> None:
    data = b"".join(pieces)
    cutter = LineCutter()
    found = [one for piece in pieces if piece for one in cutter.feed(piece)]
    found += cutter.end() if ended else []
    assert all(whole and line.count(b"\n") == 1 for line, whole in found)
    complete, newline, rest = data.rpartition(b"\n")
    expected = complete + newline + (rest + b"\n" if ended and rest else b"")
    assert b"".join(line for line, _ in found) == expected


def test_a_line_that_is_too_long_comes_out_in_pieces_as_it_arrives() -> None:
    cutter = LineCutter(limit=4)
    assert cutter.feed(b"ab") == []
    assert cutter.feed(b"cde") == [(b"abcde", False)]
    assert cutter.torn
    assert cutter.feed(b"f") == [(b"f", False)]
    assert cutter.feed(b"g\nh\ni") == [(b"g\n", False), (b"h\n", True)]
    assert not cutter.torn
    assert cutter.end() == [(b"i\n", True)]
    assert cutter.end() == []


# ------------------------------------------------------------------ messages
@pytest.mark.parametrize(
    ("number", "name"), [(1, "1"), ("1", '"1"'), ("é\ud83d", '"\\u00e9\\ud83d"'), (10**30, None)]
)
def test_an_id_is_told_by_its_value_and_type(number: object, name: str | None) -> None:
    message = read(id=number, method="ping")
    assert message.id == (str(number) if name is None else name)
    assert message.asks
    assert json.loads(error_answer(message.id, NOT_THERE))["id"] == number


@pytest.mark.parametrize("number", [None, True, 1.5, [], {}])
def test_what_is_no_id_makes_no_request(number: object) -> None:
    assert not read(id=number, method="ping").asks
    assert not read(id=number, result={}).answers


@pytest.mark.parametrize(
    "line", [b"\n", b"{\n", b"[]\n", b"1\n", b"\xff\n", b"[" * 100_000, b"1" * 5_000, b"{}\n"]
)
def test_what_is_no_message_neither_asks_nor_answers(line: bytes) -> None:
    message = read_message(line)
    assert not message.asks
    assert not message.answers
    assert message.line == line


def test_a_request_that_is_taken_back_is_named() -> None:
    method = "notifications/cancelled"
    assert read(method=method, params={"requestId": "1"}).cancels == '"1"'
    assert read(method=method, params=[]).cancels is None
    assert read(method="notifications/progress", params={"requestId": 1}).cancels is None


# ------------------------------------------------------------------ what is held
def test_nothing_is_held_longer_than_it_may() -> None:
    held = Held(hold=30.0)
    for since in (1.0, 2.0, 3.0):
        held.put(read(since, id=since, method="ping"))

    assert held.next_end() == 31.0
    assert held.pop_overdue(30.9) == []
    assert [message.since for message in held.pop_overdue(32.0)] == [1.0, 2.0]
    assert held.next_end() == 33.0
    assert len(held.pop_overdue(100.0)) == 1
    assert held.next_end() == float("inf")


def test_what_is_put_back_comes_first_in_its_order() -> None:
    held = Held()
    held.put(read(id=3, method="ping"))
    held.put_back([read(id=1, method="ping"), read(id=2, method="ping")])
    assert [held.pop().id for _ in range(3)] == ["1", "2", "3"]


def test_there_is_room_for_so_many_lines_and_bytes_and_again_when_they_are_gone() -> None:
    held = Held()
    small = read(id=1, method="ping")
    large = Message(b"x" * BYTES_MAX, 0.0)
    assert held.has_room(large)
    held.put(small)
    assert not held.has_room(large)
    assert held.remove("1")
    assert not held.remove("1")
    assert held.has_room(large)
    held.put(large)
    assert not held.has_room(small)
    held.pop()
    for _ in range(LINES_MAX):
        assert held.has_room(small)
        held.put(small)

    assert not held.has_room(small)


# ------------------------------------------------------------------ the conversation
def test_only_what_is_unanswered_and_not_taken_back_is_lost() -> None:
    conversation = Conversation()
    for number in (1, 2, "2", 3):
        conversation.passed(read(id=number, method="ping"))

    conversation.heard(read(id=1, result={}))
    conversation.heard(read(id="2", error={}))
    conversation.passed(read(method="notifications/cancelled", params={"requestId": 3}))
    assert conversation.interrupt() == (["2"], [])
    assert conversation.interrupt() == ([], [])


def test_a_conversation_that_never_began_has_no_greeting() -> None:
    conversation = Conversation()
    assert conversation.greeting() is None
    conversation.passed(read(id=1, method="initialize"))
    conversation.heard(read(id=1, error={"code": -32602, "message": "no such version"}))
    assert conversation.greeting() is None
    assert conversation.interrupt() == ([], [])


def test_a_conversation_is_taken_up_where_its_client_stood() -> None:
    conversation = Conversation()
    conversation.passed(read(id=1, method="initialize", params={"capabilities": {}}))
    conversation.heard(read(id=1, result={"protocolVersion": "v"}))
    greeting = json.loads(conversation.greeting() or b"")
    assert greeting == {"id": AGAIN, "method": "initialize", "params": {"capabilities": {}}}
    answer = read(id=AGAIN, result={"protocolVersion": "v"})
    assert conversation.is_greeted(answer)
    assert not conversation.is_greeted(read(id=1, result={}))
    assert conversation.resume(answer) == (b"", None)
    initialized = read(method="notifications/initialized")
    conversation.passed(initialized)
    assert conversation.resume(answer) == (initialized.line, None)
    # It begins anew, and has not come as far again.
    conversation.passed(read(id=2, method="initialize", params={"again": True}))
    conversation.heard(read(id=2, result={"protocolVersion": "v"}))
    assert b"again" in (conversation.greeting() or b"")
    assert conversation.resume(answer) == (b"", None)


# ------------------------------------------------------------------ patience
def test_tries_come_ever_more_rarely_until_one_was_worth_it() -> None:
    pacing = Pacing()
    assert pacing.next_try == 0.0
    delays: list[float] = []
    for _ in range(6):
        pacing.failed(100.0)
        delays.append(round(pacing.next_try - 100.0, 3))

    assert delays == [0.05, 0.1, 0.2, 0.4, 0.8, DELAY_MAX]
    # Short and good for nothing.
    pacing.succeeded(100.0)
    pacing.failed(100.1)
    assert pacing.next_try == 100.1 + DELAY_MAX
    pacing.succeeded(100.0)
    pacing.proved()
    pacing.failed(100.1)
    assert pacing.next_try == 100.1 + DELAY_MIN
    pacing.failed(100.0)
    pacing.succeeded(100.0)
    pacing.failed(200.0)
    assert pacing.next_try == 200.0 + DELAY_MIN


# ------------------------------------------------------------------ the handshake
def test_an_answer_is_read_when_it_is_complete() -> None:
    assert read_answer(b'{"ok": true') is None
    assert read_answer(b'{"ok": true}\nearly') == b"early"


@pytest.mark.parametrize("said", [b"x" * 5_000, b"\n", b"[" * 100_000 + b"\n", b'{"ok": 0}\n'])
def test_what_is_no_answer_comes_from_a_stranger(said: bytes) -> None:
    with pytest.raises(StrangerError):
        read_answer(said)


def test_a_refusal_says_why() -> None:
    with pytest.raises(RefusedError, match="ended"):
        read_answer(b'{"error": "this agent has ended"}\n')
