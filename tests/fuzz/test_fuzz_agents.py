"""Handshakes on the agents' socket: the right one opens the door, and no other."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any, Final, cast

from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.frontends.mcp.agents import HANDSHAKE_MAX

from .conversation import Conversation
from .lines import PIECES, cut, written_out
from .profiles import fuzzed
from .values import ANY, LEAVES, TEXTS, to_json

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from .house import Houses

COOKIE: Final = "@cookie@"

HANDSHAKES: Final[SearchStrategy[str]] = st.one_of(
    st.fixed_dictionaries(
        {
            "orchestrator": st.sampled_from([1, 1, 1, 0, 2, "1", None, [1]]),
            "cookie": st.sampled_from([COOKIE, COOKIE, COOKIE + " ", COOKIE.upper()])
            | TEXTS
            | LEAVES,
        },
        optional={"more": LEAVES, "agent_id": TEXTS},
    ).map(to_json),
    st.fixed_dictionaries({}, optional={"orchestrator": ANY, "cookie": ANY}).map(to_json),
    ANY.map(to_json),
)
LINES: Final[SearchStrategy[bytes]] = st.one_of(
    HANDSHAKES.map(str.encode),
    st.binary(max_size=80),
    st.sampled_from([b"", b"\r", b"@4096 x@", b"@100000 x@", b'{"cookie":"@cookie@"']),
).map(lambda line: line.replace(b"\n", b" "))


@fuzzed(5)
@given(line=LINES, size=PIECES, ends=st.sampled_from(["line", "input", "connection"]))
@example(line=b'{"orchestrator":1,"cookie":"@cookie@"}', size=1, ends="line")
@example(line=b'{"orchestrator":1,"cookie":"\\ud800"}', size=None, ends="line")
def test_a_handshake_opens_the_door_or_gets_one_error(
    houses: Houses, line: bytes, size: int | None, ends: str
) -> None:
    with houses.example() as house, house.agent_door() as door:
        said = written_out(line).replace(COOKIE.encode(), house.cookie.encode())
        conversation = Conversation(door.fileno(), door.fileno())
        try:
            for piece in cut(said + (b"\n" if ends == "line" else b""), size):
                conversation.say(piece)
        except BrokenPipeError:
            # It has heard enough before all was said.
            assert len(said) >= HANDSHAKE_MAX

        if ends == "connection":
            return

        if ends == "input":
            door.shutdown(socket.SHUT_WR)

        check(conversation, fits=ends == "line" and is_fine(said, house.cookie), long=len(said))


def check(conversation: Conversation, *, fits: bool, long: int) -> None:
    try:
        answer: dict[str, Any] = json.loads(conversation.next_line())
    except EOFError:
        # What is unread when a connection is closed makes the kernel forget the answer.
        assert long >= HANDSHAKE_MAX
        return

    if fits and "ok" in answer:
        assert answer["ok"] is True
        assert conversation.ask("ping", {})["result"] == {}
        return

    assert list(answer) == ["error"]
    assert not fits or long >= HANDSHAKE_MAX
    assert conversation.has_ended()


def is_fine(said: bytes, cookie: str) -> bool:
    """Read a handshake independently."""
    try:
        read: Any = json.loads(said.decode())
    except (ValueError, RecursionError):
        return False

    handshake = cast("dict[str, object]", read) if isinstance(read, dict) else {}
    return (handshake.get("orchestrator"), handshake.get("cookie")) == (1, cookie)
