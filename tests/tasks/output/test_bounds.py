"""However large the log is, an answer is bounded and says what it leaves out."""

from __future__ import annotations

import json
import os
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.errors import NotFoundError
from orchestrator.tasks.output import OutputQuery, read_output
from orchestrator.tasks.output.limits import ANSWER_CHARACTERS, ANSWER_LINES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEN_GIGABYTES = 10 * 1024**3


def ask(log: Path, *, deadline_s: float = 5.0, **options: Any) -> dict[str, Any]:
    return read_output(log, OutputQuery(**options), deadline_s=deadline_s)


@pytest.mark.parametrize("tail", [None, 0, -3])
def test_without_a_tail_all_lines_are_given(
    tail: int | None, write_log: Callable[..., Path]
) -> None:
    assert ask(write_log("1", "2", "3"), tail=tail)["output"] == "1\n2\n3"


@pytest.mark.parametrize(("tail", "expected"), [(1, "3"), (2, "2\n3"), (3, "1\n2\n3")])
def test_a_tail_gives_whole_lines(tail: int, expected: str, write_log: Callable[..., Path]) -> None:
    assert ask(write_log("1", "2", "3"), tail=tail)["output"] == expected


def test_a_tail_that_the_log_has_not_gives_all_lines(write_log: Callable[..., Path]) -> None:
    answer = ask(write_log("1", "2"), tail=9, include_metadata=True)
    assert answer["output"] == "1\n2"
    assert "omission" not in answer["metadata"]


def test_a_tail_of_long_lines_gives_as_many_as_were_asked_for(
    write_log: Callable[..., Path],
) -> None:
    log = write_log(*(f"{number} " + "x" * 5000 for number in range(500)))
    lines = ask(log, tail=300)["output"].split("\n")
    assert [line.split()[0] for line in lines] == [str(number) for number in range(200, 500)]


def test_a_line_that_is_still_being_written_is_given(write_log: Callable[..., Path]) -> None:
    log = write_log('{"type": "system"}', b'{"type": "assis')
    answer = ask(log, format="parsed", include_metadata=True)
    assert answer["output"] == [{"type": "system"}]
    assert [error["line_number"] for error in answer["metadata"]["parse_errors"]] == [2]
    assert ask(log, tail=1)["output"] == '{"type": "assis'


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_line_ends_are_no_part_of_a_line(ending: bytes, write_log: Callable[..., Path]) -> None:
    assert ask(write_log(b"1" + ending + ending + b"2" + ending))["output"] == "1\n\n2"


@pytest.mark.parametrize("form", ["text", "parsed"])
def test_a_log_that_is_not_there_is_an_empty_one(form: str, tmp_path: Path) -> None:
    answer = ask(tmp_path / "none.jsonl", format=form, include_metadata=True)
    assert answer == {
        "output": [] if form == "parsed" else "",
        "source": "jsonl_log",
        "metadata": {
            "log_source": "jsonl_log",
            "total_lines": 0,
            "returned_lines": 0,
            "file_path": str(tmp_path / "none.jsonl"),
            "file_size_bytes": 0,
            "response_format": "full",
        },
    }


@pytest.mark.parametrize("options", [{"filter": "x"}, {"filter": "(x)"}, {"max_bytes": 5}])
def test_an_empty_log_gives_nothing(
    options: dict[str, Any], write_log: Callable[..., Path], tmp_path: Path
) -> None:
    assert ask(tmp_path / "none.jsonl", **options)["output"] == ""
    assert ask(write_log(), **options)["output"] == ""


def test_a_pipe_in_the_place_of_the_log_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(NotFoundError, match="no regular file"):
        ask(pipe)


def test_the_end_of_a_log_of_ten_gigabytes_is_read_without_the_rest(
    write_log: Callable[..., Path],
) -> None:
    log = write_log("first")
    os.truncate(log, TEN_GIGABYTES)
    with log.open("ab") as end:
        end.write(b"\none\ntwo\nthree\n")

    answer = ask(log, tail=2, include_metadata=True)

    assert answer["output"] == "two\nthree"
    assert answer["metadata"]["file_size_bytes"] == TEN_GIGABYTES + 15
    assert "omission" not in answer["metadata"]


def test_a_line_of_ten_gigabytes_ends_the_reading_when_its_time_is_up(
    write_log: Callable[..., Path],
) -> None:
    log = write_log("first")
    os.truncate(log, TEN_GIGABYTES * 100)
    with log.open("ab") as end:
        end.write(b"\none\ntwo\n")

    answer = ask(log, deadline_s=0.3, include_metadata=True)

    marker, *lines = answer["output"].split("\n")
    assert lines == ["one", "two"]
    assert str(TEN_GIGABYTES * 100 + 1) in json.loads(marker)["message"]
    assert answer["metadata"]["omission"]["reason"] == "time"
    assert answer["metadata"]["omission"]["omitted_bytes"] == TEN_GIGABYTES * 100 + 1


def test_an_answer_without_a_tail_keeps_the_end_and_names_what_is_missing(
    write_log: Callable[..., Path],
) -> None:
    line = b"x" * 8000
    count = ANSWER_CHARACTERS // 8001 + 100
    log = write_log((line + b"\n") * count, "the end")

    answer = ask(log, include_metadata=True)

    marker, *lines = answer["output"].split("\n")
    assert lines[-1] == "the end"
    assert sum(len(text) + 1 for text in lines) <= ANSWER_CHARACTERS
    omission = answer["metadata"]["omission"]
    assert omission["reason"] == "size"
    given = sum(len(text) + 1 for text in lines)
    assert omission["omitted_bytes"] + given == log.stat().st_size
    assert str(omission["omitted_bytes"]) in json.loads(marker)["message"]
    assert answer["metadata"]["returned_lines"] == len(lines) + 1


@pytest.mark.parametrize("options", [{}, {"tail": 10**12}, {"filter": ""}, {"filter": "(x?)"}])
def test_an_answer_has_a_bounded_number_of_lines(
    options: dict[str, Any], write_log: Callable[..., Path]
) -> None:
    log = write_log(b"x\n" * (ANSWER_LINES + 10))

    answer = ask(log, include_metadata=True, format="jsonl", **options)

    marker, *lines = answer["output"].split("\n")
    assert len(lines) == ANSWER_LINES
    assert json.loads(marker)["type"] == "truncation_marker"
    assert answer["metadata"]["omission"]["reason"] == "lines"
    assert answer["metadata"]["omission"]["omitted_bytes"] == 20


@pytest.mark.parametrize("beginning", [b'{"type": "user", "text": "', b"plain "])
@pytest.mark.parametrize("options", [{}, {"tail": 2}, {"response_format": "summary"}])
def test_a_line_of_fifty_megabytes_is_not_held_in_memory(
    beginning: bytes, options: dict[str, Any], write_log: Callable[..., Path]
) -> None:
    size = len(beginning) + 50_000_000
    log = write_log("before", beginning + b"x" * 50_000_000 + b"\n", "after")

    tracemalloc.start()
    try:
        answer = ask(log, **options)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4_000_000
    if options != {"response_format": "summary"}:
        giant, after = answer["output"].split("\n")[-2:]
        assert after == "after"
        assert str(size) in giant
        assert len(giant) <= 8192


def test_the_size_of_a_giant_json_line_and_its_type_are_known(
    write_log: Callable[..., Path],
) -> None:
    beginning = b'{"type": "user", "text": "'
    log = write_log(beginning + b"x" * 2_000_000 + b'"}\n')
    (line,) = ask(log, format="parsed")["output"]
    assert line["type"] == "truncation_error"
    assert line["original_type"] == "user"
    assert line["original_size"] == len(beginning) + 2_000_002
    assert line["max_allowed"] == 8192


def test_a_log_may_grow_while_it_is_read(write_log: Callable[..., Path]) -> None:
    log = write_log("1", "2")
    with log.open("ab", buffering=0) as agent:
        assert ask(log)["output"] == "1\n2"
        agent.write(b"3")
        assert ask(log)["output"] == "1\n2\n3"
        agent.write(b"4\n5\n")
        assert ask(log, tail=2)["output"] == "34\n5"


def test_timestamps_are_those_of_the_first_and_the_last_line(
    write_log: Callable[..., Path],
) -> None:
    first, last = '{"timestamp": "2026-01-01T00:00:00"}', '{"timestamp": "2026-01-02T00:00:00"}'
    metadata = ask(write_log(first, "x", last), include_metadata=True)["metadata"]
    assert metadata["first_timestamp"] == "2026-01-01T00:00:00"
    assert metadata["last_timestamp"] == "2026-01-02T00:00:00"
