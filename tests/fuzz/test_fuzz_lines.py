"""Lines of whatever is no request, among requests that must be answered all the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from .conversation import Claim, Owed, check_tool_result
from .lines import LINES, PIECES, cut, owed_for, written_out
from .profiles import fuzzed

if TYPE_CHECKING:
    from .conversation import Conversation
    from .house import House, Houses

MANY_LINES: Final = st.lists(LINES, min_size=1, max_size=12)
DEEP: Final = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":' + b"[" * 300 + b"]" * 300


@fuzzed(5)
@given(lines=MANY_LINES, size=PIECES, at=st.integers(0, 12))
@example(lines=[b'{"method":"ping","id":1,"jsonrpc":"2.0"}'] * 3, size=1, at=1)
@example(lines=[DEEP + b"}}", DEEP], size=None, at=0)
def test_among_lines_of_any_kind_every_request_is_answered_once(
    houses: Houses, lines: list[bytes], size: int | None, at: int
) -> None:
    with houses.example() as house:
        say(house, house.client, lines, size, at)


@fuzzed(5)
@given(lines=MANY_LINES, size=PIECES, at=st.integers(0, 12))
def test_before_initialize_too_every_request_is_answered_once(
    houses: Houses, lines: list[bytes], size: int | None, at: int
) -> None:
    with houses.example() as house, house.agent_connection() as conversation:
        say(house, conversation, lines, size, at, initialized=False)


def say(
    house: House,
    conversation: Conversation,
    lines: list[bytes],
    size: int | None,
    at: int,
    *,
    initialized: bool = True,
) -> None:
    """Say the lines with a well-formed call among them, whose answer has to be the right one."""
    task = house.fill_in("@task@")
    params = {"name": "get_real_task_status", "arguments": {"task_id": task}}
    call: dict[str, Any] = {"jsonrpc": "2.0", "id": "w", "method": "tools/call", "params": params}
    others = [written_out(line) for line in lines]
    all_lines = [*others[:at], json.dumps(call).encode(), *others[at:]]
    owed = owed_for(all_lines)
    said = b"".join(line + b"\n" for line in all_lines)
    answers = conversation.exchange(cut(said, size), owed)
    found = [answer for answer in answers if answer["id"] == "w"]
    assert found
    if initialized:
        body = check_tool_result(found[0])
        assert body is not None
        assert body["task_id"] == task


def test_the_reading_of_what_is_owed_tells_one_kind_of_line_from_the_other() -> None:
    owed = owed_for(
        [
            b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
            b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
            b'{"jsonrpc":"2.0","id":"x","method":5}',
            b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
            b'{"jsonrpc":"2.0","method":"ping"}',
            b'{"jsonrpc":"2.0","id":7,"result":{}}',
            b"[]",
            b"{",
            b" \r",
        ]
    )
    ids = [["1"], ["1"], ['"x"'], ["null"], ["7", "null"], ["null"], ["null"]]
    assert [sorted(claim.ids) for claim in owed.claims] == ids
    assert [claim.must for claim in owed.claims] == [True] * 4 + [False] + [True] * 2


def test_who_is_answered_twice_or_never_is_noticed() -> None:
    known, wide, any_id = (frozenset(ids) for ids in (["1"], ["1", "null"], []))
    owed = Owed([Claim(known), Claim(wide, must=False), Claim(any_id), Claim(known, late=True)])
    for number, key in enumerate(("1", "1", "1", "2")):
        assert len(owed.due) == 3 - number
        owed.settle(key)

    assert owed.due == []
    for wrong in ("1", "2", "null"):
        with pytest.raises(AssertionError, match="owed none"):
            owed.settle(wrong)
