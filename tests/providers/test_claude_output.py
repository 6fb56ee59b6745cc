"""What is read from the claude CLI's output, and from what is none."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model import ProviderResult
from orchestrator.providers.claude_output import (
    TAIL_SIZES,
    TEXT_MAX,
    read_claude_result,
)

if TYPE_CHECKING:
    from pathlib import Path

SESSION = "9f1c2d34-0000-4000-8000-123456789abc"
INIT: dict[str, Any] = {"type": "system", "subtype": "init", "session_id": SESSION, "tools": []}
SAID: dict[str, Any] = {
    "type": "assistant",
    "message": {"content": [{"type": "text", "text": 'a "result"'}]},
    "session_id": SESSION,
}
RESULT: dict[str, Any] = {
    "type": "result",
    "subtype": "success",
    "is_error": False,
    "num_turns": 3,
    "result": "all done",
    "session_id": SESSION,
    "total_cost_usd": 0.0105,
    "usage": {"input_tokens": 30, "cache_read_input_tokens": 500, "output_tokens": 15},
}
CUT_OFF = ProviderResult(session_id=SESSION, is_error=True)


def lines(*events: dict[str, Any]) -> bytes:
    """Write events as the CLI does: one JSON object a line."""
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def read(tmp_path: Path, data: bytes) -> ProviderResult | None:
    """Read a result from a file that holds ``data``."""
    path = tmp_path / "stdout"
    path.write_bytes(data)
    return read_claude_result(path)


def test_the_result_line_is_read_whole(tmp_path: Path) -> None:
    assert read(tmp_path, lines(INIT, SAID, RESULT)) == ProviderResult(
        session_id=SESSION,
        is_error=False,
        text="all done",
        cost_usd=0.0105,
        input_tokens=30,
        output_tokens=15,
        turns=3,
    )


def test_a_result_line_may_lack_its_newline_and_be_followed_by_other_lines(tmp_path: Path) -> None:
    result = read(tmp_path, lines(INIT, RESULT).rstrip(b"\n"))
    assert result is not None
    assert result.text == "all done"

    result = read(tmp_path, lines(RESULT, {"type": "system", "subtype": "late"}) + b"warning\n\n")
    assert result is not None
    assert result.text == "all done"


def test_of_several_result_lines_the_last_one_counts(tmp_path: Path) -> None:
    data = lines(RESULT, RESULT | {"result": "in truth", "is_error": True})

    result = read(tmp_path, data)

    assert result is not None
    assert (result.text, result.is_error) == ("in truth", True)


def test_success_with_is_error_is_an_error(tmp_path: Path) -> None:
    result = read(tmp_path, lines(RESULT | {"is_error": True, "api_error_status": 401}))

    assert result is not None
    assert result.is_error


def test_an_error_subtype_is_an_error_whose_reasons_are_its_text(tmp_path: Path) -> None:
    event = RESULT | {"subtype": "error_during_execution", "errors": ["aborted", "late"]}
    del event["result"]

    result = read(tmp_path, lines(event))

    assert result is not None
    assert result.is_error
    assert result.text == "aborted\nlate"


def test_a_session_without_a_result_line_does_not_look_like_a_success(tmp_path: Path) -> None:
    assert read(tmp_path, lines(INIT, SAID)) == CUT_OFF


def test_a_result_line_cut_in_half_is_no_result_line(tmp_path: Path) -> None:
    assert read(tmp_path, lines(INIT, SAID) + lines(RESULT)[:40]) == CUT_OFF


def test_the_session_is_found_in_the_first_line_when_the_last_one_is_cut_and_huge(
    tmp_path: Path,
) -> None:
    assert read(tmp_path, lines(INIT) + b'{"type":"user","x":"' + b"x" * TAIL_SIZES[-1]) == CUT_OFF


def test_a_result_line_longer_than_the_first_look_is_found(tmp_path: Path) -> None:
    result = read(tmp_path, lines(INIT, RESULT | {"permission_denials": "x" * TAIL_SIZES[0]}))

    assert result is not None
    assert (result.text, result.is_error) == ("all done", False)


def test_a_result_line_before_a_megabyte_of_other_output_is_found(tmp_path: Path) -> None:
    result = read(tmp_path, lines(INIT, RESULT) + b"noise\n" * (TAIL_SIZES[0] // 5))

    assert result is not None
    assert not result.is_error


def test_only_a_bounded_end_of_a_huge_output_is_read(tmp_path: Path) -> None:
    path = tmp_path / "stdout"
    with path.open("wb") as file:
        # A hole: it takes no disk, and a reader that took it all would need 64 GiB.
        file.truncate(64 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + lines(RESULT))

    result = read_claude_result(path)

    assert result is not None
    assert result.text == "all done"


def test_long_last_words_are_cut(tmp_path: Path) -> None:
    result = read(tmp_path, lines(RESULT | {"result": "é" * 5_000}))

    assert result is not None
    assert result.text == "é" * TEXT_MAX


def test_half_a_surrogate_pair_does_not_get_into_the_record(tmp_path: Path) -> None:
    result = read(tmp_path, lines(RESULT | {"result": "x\ud83d", "session_id": "y\ud83d"}))

    assert result is not None
    assert (result.text, result.session_id) == ("x?", "y?")


def test_bytes_that_are_not_utf8_are_replaced(tmp_path: Path) -> None:
    result = read(tmp_path, b"\xff\xfe\n" + lines(RESULT).replace(b"all done", b"all \xff done"))

    assert result is not None
    assert result.text == "all � done"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b'plain words, and a "result"\n',
        b"null\n[]\n3\n",
        b'{"type":"resul',
        b'[{"type":"result"}]\n',
        b"[" * 100_000 + b"\n",
        b'{"result":' * 100_000 + b"\n",
        b'{"session_id":"no type"}\n',
    ],
)
def test_what_is_none_of_the_clis_says_nothing(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data) is None


def test_nonsense_in_a_result_line_is_left_out(tmp_path: Path) -> None:
    nonsense = (
        b'{"type":"result","subtype":[],"is_error":{},"result":7,"session_id":[],'
        b'"total_cost_usd":NaN,"num_turns":-1,"usage":{"input_tokens":true,"output_tokens":1e3}}\n'
    )

    assert read(tmp_path, nonsense) == ProviderResult(is_error=True)


@pytest.mark.parametrize("number", ["1e999", "-1", "true", '"1"', "1" + "0" * 400, "9" * 5_000])
def test_a_number_that_is_no_amount_is_left_out(tmp_path: Path, number: str) -> None:
    data = b'{"type":"result","total_cost_usd":%b,"num_turns":%b}\n'
    result = read(tmp_path, data % (number.encode(), number.encode()))

    assert result is None or (result.cost_usd, result.turns) == (None, None)


def test_a_file_that_is_missing_or_none_says_nothing(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    assert read_claude_result(tmp_path / "missing") is None
    assert read_claude_result(tmp_path) is None
    assert read_claude_result(fifo) is None


@given(data=st.binary(max_size=200), at=st.integers(0, 400))
def test_whatever_bytes_stand_in_the_output_reading_never_raises(
    tmp_path_factory: pytest.TempPathFactory,
    data: bytes,
    at: int,
) -> None:
    clean = lines(INIT, RESULT)

    read(tmp_path_factory.getbasetemp(), clean[:at] + data + clean[at:])
