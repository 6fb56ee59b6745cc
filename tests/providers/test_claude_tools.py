"""Which tool calls are read as open from the claude CLI's output, and from what is none."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.config import Settings
from orchestrator.providers import default_providers
from orchestrator.providers.base import ReadsToolCalls
from orchestrator.providers.claude_tools import (
    CALLS_MAX,
    TAIL_SIZES,
    read_open_calls,
)

if TYPE_CHECKING:
    from orchestrator.model.activity import OpenToolCall

#: What claude 2.1.197 printed against a scripted model: tools side by side, a sub-agent, a
#: command in the background. Shortened, and without the names of folders.
RECORDED = Path(__file__).with_name("recorded_tools.jsonl").read_bytes().splitlines(keepends=True)

WRITTEN = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)
ON_LINE = "2026-11-22T18:30:00.500Z"


def read(folder: Path, data: bytes) -> tuple[OpenToolCall, ...]:
    """Read the open calls of a file that holds ``data`` and was written to at `WRITTEN`."""
    path = folder / "stdout"
    path.write_bytes(data)
    os.utime(path, (WRITTEN.timestamp(), WRITTEN.timestamp()))
    return read_open_calls(path)


def said(folder: Path, data: bytes) -> list[str]:
    return [f"{call.name}: {call.what}" for call in read(folder, data)]


def line(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode() + b"\n"


def called(
    name: str = "Bash",
    *,
    call: str = "toolu_1",
    turn: str | None = "msg_1",
    parent: str | None = None,
    **given: object,
) -> bytes:
    """A line in which the model calls a tool."""
    block = {"type": "tool_use", "id": call, "name": name, "input": given}
    message = {"id": turn, "role": "assistant", "content": [block]}
    return line({"type": "assistant", "message": message, "parent_tool_use_id": parent})


def answered(
    call: str = "toolu_1", *, parent: str | None = None, content: object = "ok", **more: object
) -> bytes:
    """A line in which a tool has answered."""
    block = {"type": "tool_result", "tool_use_id": call, "content": content}
    message = {"role": "user", "content": [block]}
    return line({"type": "user", "message": message, "parent_tool_use_id": parent, **more})


def spoke(turn: str = "msg_2", *, parent: str | None = None, text: str = "hm") -> bytes:
    """A line in which the model speaks."""
    message = {"id": turn, "role": "assistant", "content": [{"type": "text", "text": text}]}
    return line({"type": "assistant", "message": message, "parent_tool_use_id": parent})


def test_claude_reads_its_tool_calls_and_a_command_cannot() -> None:
    providers = default_providers(Settings.read({}))

    assert isinstance(providers["claude"], ReadsToolCalls)
    assert not isinstance(providers["command"], ReadsToolCalls)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (2, []),
        (3, ["Bash: echo hi"]),
        (4, []),
        (7, ["Bash: sleep 3; echo a", "Bash: sleep 1; echo b", "Read: /etc/hostname"]),
        (8, ["Bash: sleep 3; echo a", "Bash: sleep 1; echo b"]),
        (9, ["Bash: sleep 3; echo a"]),
        (10, ["Bash: sleep 3; echo a"]),
        (12, []),
        (14, ["Agent: sub"]),
        (17, ["Agent: sub"]),
        (18, ["Agent: sub", "Bash: sleep 2; echo sub"]),
        (19, ["Agent: sub"]),
        (22, []),
        (23, ["Bash: sleep 6; echo bg"]),
        (25, []),
        (27, ["Write: x.txt"]),
        (30, []),
        (32, []),
    ],
)
def test_at_each_moment_of_a_recorded_run_the_calls_without_an_answer_are_open(
    tmp_path: Path, lines: int, expected: list[str]
) -> None:
    assert said(tmp_path, b"".join(RECORDED[:lines])) == expected


def test_a_call_is_dated_by_the_first_time_that_is_known_after_it(tmp_path: Path) -> None:
    (last,) = read(tmp_path, called())
    assert last.since == WRITTEN

    other = called(call="toolu_2", command="other")
    later = answered("toolu_2", timestamp=ON_LINE)
    much_later = answered("toolu_2", timestamp="2026-11-22T18:40:00Z")
    (first,) = read(tmp_path, called() + other + later + much_later)
    assert first.since == datetime.fromisoformat(ON_LINE)


@pytest.mark.parametrize(
    "timestamp",
    ["2027-01-01T00:00:00Z", "yesterday", "", 17, None, "0001-01-01T00:00:00+23:59", ["x"]],
)
def test_a_time_that_cannot_be_is_not_believed(tmp_path: Path, timestamp: object) -> None:
    data = called() + answered("toolu_2", timestamp=timestamp)

    (call,) = read(tmp_path, data)

    assert call.since == WRITTEN


def test_a_call_whose_conversation_went_on_without_an_answer_is_not_open(tmp_path: Path) -> None:
    assert said(tmp_path, called(command="x") + spoke("msg_1")) == ["Bash: x"]
    assert said(tmp_path, called(command="x") + spoke("msg_2")) == []


def test_a_result_line_closes_everything_before_it(tmp_path: Path) -> None:
    over = line({"type": "result", "subtype": "success"})

    assert said(tmp_path, called(command="x") + over) == []
    assert said(tmp_path, over + called(command="x")) == ["Bash: x"]


def test_calls_of_versions_without_ids_of_turns_are_open_until_they_are_answered(
    tmp_path: Path,
) -> None:
    first, second = called(turn=None, command="a"), called(call="t2", turn=None, command="b")

    assert said(tmp_path, first + answered() + second) == ["Bash: b"]


def test_a_call_of_a_sub_agent_that_was_cut_off_is_closed_with_its_own(tmp_path: Path) -> None:
    data = called("Agent", call="toolu_a", description="look")
    data += called(call="toolu_b", turn="msg_9", parent="toolu_a", command="sleep 9")
    assert said(tmp_path, data) == ["Agent: look", "Bash: sleep 9"]

    assert said(tmp_path, data + answered("toolu_a")) == []


def test_a_sub_agent_in_the_background_is_read_on_after_its_call_was_answered(
    tmp_path: Path,
) -> None:
    data = called("Agent", call="toolu_a", description="look") + answered("toolu_a")
    data += called(call="toolu_b", turn="msg_9", parent="toolu_a", command="sleep 9")

    assert said(tmp_path, data) == ["Bash: sleep 9"]


@pytest.mark.parametrize("size", TAIL_SIZES[1:-1])
def test_a_call_is_found_before_much_output_of_its_sub_agent(tmp_path: Path, size: int) -> None:
    much = b"".join(
        spoke(f"sub_{number}", parent="toolu_a", text="x" * 900) for number in range(size // 1_300)
    )
    data = spoke("msg_0") + called("Agent", call="toolu_a", description="look") + much

    assert said(tmp_path, data) == ["Agent: look"]


def test_a_sub_agent_tells_of_a_call_that_is_too_far_back_to_be_read(tmp_path: Path) -> None:
    line_of_it = line(
        {
            "type": "assistant",
            "message": {"id": "m", "content": [{"type": "text", "text": "x" * 900}]},
            "parent_tool_use_id": "toolu_a",
            "task_description": "look",
        }
    )
    data = called("Agent", call="toolu_a", description="?") + line_of_it * (TAIL_SIZES[2] // 900)

    assert said(tmp_path, data) == ["Agent: look"]


def test_half_a_line_at_the_end_hides_nothing(tmp_path: Path) -> None:
    half = answered()[:40]

    assert said(tmp_path, called(command="x") + half) == ["Bash: x"]
    assert said(tmp_path, called(command="x").rstrip(b"\n")) == ["Bash: x"]
    assert said(tmp_path, called(command="x")[:-20]) == []


def test_a_long_answer_between_calls_is_read_over(tmp_path: Path) -> None:
    long = answered("toolu_0", content="y" * (2 << 20))

    assert said(tmp_path, called(command="x") + long) == ["Bash: x"]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_of_50_mb_at_the_end_is_survived(tmp_path: Path, end: bytes) -> None:
    assert said(tmp_path, called(command="x") + b"x" * (50 << 20) + end) == []


def test_bytes_that_are_not_utf_8_are_survived(tmp_path: Path) -> None:
    data = b"\xff\xfe\x00\n" + called(command="caf\u00e9") + bytes(range(256)) + b"\n"
    assert said(tmp_path, data) == ["Bash: caf\u00e9"]

    broken = called(command="XX").replace(b"XX", b"\xc3(")
    assert said(tmp_path, broken) == ["Bash: \ufffd("]


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({"command": "a\n  b\t\x1b[31mc"}, "a b ?[31mc"),
        ({"command": "x" * 500}, "x" * 117 + "..."),
        ({"command": " ", "description": "what"}, "what"),
        ({"command": 7, "limit": [1]}, '{"command": 7, "limit": [1]}'),
        ({"pattern": "TODO", "path": "/src"}, "TODO"),
        ({"text": "\ud800"}, '{"text": "?"}'),
        ({}, ""),
    ],
)
def test_what_a_tool_was_asked_is_one_short_line_that_is_safe_to_print(
    tmp_path: Path, given_: dict[str, Any], expected: str
) -> None:
    (call,) = read(tmp_path, called(**given_))

    assert call.what == expected
    assert call.model_dump_json()


def test_only_the_newest_calls_are_told(tmp_path: Path) -> None:
    data = b"".join(
        called(call=f"toolu_{number}", command=str(number)) for number in range(CALLS_MAX + 5)
    )

    calls = read(tmp_path, data)

    assert [call.what for call in calls] == [str(number) for number in range(5, CALLS_MAX + 5)]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "assistant"},
        {"type": "assistant", "message": []},
        {"type": "assistant", "message": {"content": "text"}},
        {"type": "assistant", "message": {"id": [], "content": [1, None, {"type": "tool_use"}]}},
        {"type": "assistant", "message": {"content": [{"type": "tool_use", "id": 1, "name": "x"}]}},
        {"type": "user", "message": {"content": [{"type": "tool_result"}]}},
        {"type": "user", "parent_tool_use_id": {}, "message": None},
        {"type": ["assistant"]},
        {"type": "system", "subtype": "task_notification"},
    ],
)
def test_lines_of_another_form_are_passed_over(tmp_path: Path, event: dict[str, Any]) -> None:
    assert said(tmp_path, called(command="x", turn=None) + line(event)) == ["Bash: x"]


def test_a_file_that_is_missing_or_none_has_no_calls(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    assert read_open_calls(tmp_path / "missing") == ()
    assert read_open_calls(tmp_path) == ()
    assert read_open_calls(fifo) == ()


@given(data=st.binary(max_size=200), at=st.integers(0, 900))
def test_whatever_bytes_stand_in_the_output_reading_never_raises(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int
) -> None:
    clean = called() + answered(timestamp=ON_LINE) + called(call="toolu_2", turn="msg_2")

    calls = read(tmp_path_factory.getbasetemp(), clean[:at] + data + clean[at:])

    assert all(call.since is None or call.since <= WRITTEN for call in calls)
