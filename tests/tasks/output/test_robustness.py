"""No bytes in a log make the reading fail, and the counts in an answer agree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.tasks.output import OutputQuery, read_output, scan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PIECES = [
    b"\n",
    b"\r\n",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\x00",
    b'{"type": "error"}\n',
    b'{"a": "\\ud800"}\n',
    b'{"a": "\\ud83d\\ude00", "b": "\\\\ud800"}\n',
    b'{"message": {"content": [{"type": "tool_use", "name": 3, "input": []}, 5, null]}}\n',
    b'{"message": {"content": [{"type": "tool_result", "is_error": true}]}}\n',
    b'{"message": []}\n',
    b'{"type": ["error"], "status": {}, "timestamp": 3}\n',
    b'{"half": "',
    b"NaN\n",
    b'{"n": 1e999}\n',
    b"1" * 5000 + b"\n",
    b"[" * 9000 + b"\n",
    b'{"a":' * 9000 + b"\n",
    b'{"a": "' + b"\\u0000" * 4000 + b'"}\n',
    b'{"a": "' + "\U0001f600".encode() * 9000 + b'"}\n',
]
LOGS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=30), max_size=12).map(b"".join)
QUERIES = st.builds(
    OutputQuery,
    tail=st.none() | st.integers(min_value=-2, max_value=9),
    filter=st.sampled_from([None, "a", "error|[0-9]", "", "^$"]),
    format=st.sampled_from(["text", "jsonl", "parsed"]),
    include_metadata=st.just(value=True),
    max_bytes=st.none() | st.integers(min_value=-1, max_value=3000),
    aggressive_truncate=st.booleans(),
    response_format=st.sampled_from(["full", "compact", "summary"]),
)

NESTED = [b'{"a":' * levels + b"1" + b"}" * levels + b"\n" for levels in (150, 190, 199, 260)]


def test_a_line_that_no_answer_could_hold_is_named_and_the_others_are_given(
    write_log: Callable[..., Path],
) -> None:
    log = write_log(b'{"n": 1}\n' + b"".join(NESTED) + b'{"n": 2}\n')

    answer: dict[str, Any] = read_output(log, OutputQuery(format="parsed", include_metadata=True))

    first, deep, last = answer["output"]
    assert (first, last) == ({"n": 1}, {"n": 2})
    assert json.dumps(deep).count("{") == 150
    assert [one["error"] for one in answer["metadata"]["parse_errors"]] == ["Nested too deeply"] * 3


many = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(LOGS, QUERIES)
def test_any_bytes_can_be_read_and_the_counts_agree(
    write_log: Callable[..., Path], data: bytes, query: OutputQuery
) -> None:
    answer: dict[str, Any] = read_output(write_log(data), query)

    # What the wire needs: UTF-8, and JSON without NaN.
    json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
    metadata = answer["metadata"]
    if query.response_format == "summary":
        lines = data.removesuffix(b"\n").split(b"\n") if data else []
        assert metadata["total_lines_analyzed"] == len(lines)
        return

    returned = metadata["returned_lines"]
    if query.format == "parsed":
        assert len(answer["output"]) + len(metadata.get("parse_errors", ())) <= returned
    elif returned:
        assert answer["output"].count("\n") + 1 == returned
    else:
        assert answer["output"] == ""

    if query.wanted and query.budget is None:
        assert returned <= query.wanted

    if query.filter is not None:
        assert metadata["matched_lines"] <= metadata["total_lines"]


@many
@given(LOGS)
def test_without_options_every_short_line_comes_back(
    write_log: Callable[..., Path], data: bytes
) -> None:
    expected = data.removesuffix(b"\n").split(b"\n") if data else []
    lines = [line.removesuffix(b"\r").decode("utf-8", "replace") for line in expected]

    output = read_output(write_log(data), OutputQuery())["output"]

    given_lines = str(output).split("\n") if expected else []
    assert len(given_lines) == len(lines)
    for shown, line in zip(given_lines, lines, strict=True):
        assert shown == line or len(line) > 8192


@many
@given(st.lists(st.sampled_from([b"", b"a", b"bc"]), max_size=9), st.integers(1, 7), st.booleans())
def test_lines_are_found_whatever_the_size_of_a_block(
    write_log: Callable[..., Path], lines: list[bytes], block: int, ended: bool
) -> None:
    log = write_log(b"\n".join(lines) + (b"\n" if ended and lines else b""))
    data = log.read_bytes()
    expected = data.removesuffix(b"\n").split(b"\n") if data else []
    with log.open("rb") as source:
        spans = list(scan.lines_from_end(source.fileno(), len(data), block=block))

    assert [data[start:end] for start, end in reversed(spans)] == expected


@pytest.mark.parametrize("smaller", [0, 3, 7])
def test_a_log_that_became_shorter_is_read_as_far_as_it_goes(
    smaller: int, write_log: Callable[..., Path]
) -> None:
    log = write_log("12", "34", "56")
    size = log.stat().st_size
    with log.open("r+b") as source:
        source.truncate(smaller)
        spans = list(scan.lines_from_end(source.fileno(), size))
        texts = [scan.read_text(source.fileno(), start, end, 100) for start, end in spans]

    assert all(text in {"", "1", "12", "3", "34", "5"} for text in texts)


def test_what_is_no_object_is_named_and_blank_lines_are_not(
    write_log: Callable[..., Path],
) -> None:
    log = write_log('{"a": 1}', "", "[1]", "NaN", '{"n": 1e999}', "x" * 300)
    query = OutputQuery(format="parsed", include_metadata=True)

    answer: dict[str, Any] = read_output(log, query)

    assert answer["output"] == [{"a": 1}]
    errors = answer["metadata"]["parse_errors"]
    assert [(error["line_number"], error["error"]) for error in errors] == [
        (3, "Not a JSON object"),
        (4, "NaN is not JSON"),
        (5, "1e999 is not JSON"),
        (6, "Expecting value: line 1 column 1 (char 0)"),
    ]
    assert errors[-1]["line_preview"] == "x" * 100


def test_very_many_bad_lines_are_counted_and_the_first_are_named(
    write_log: Callable[..., Path],
) -> None:
    query = OutputQuery(format="parsed", include_metadata=True)
    metadata: Any = read_output(write_log(*["bad"] * 1500), query)["metadata"]
    assert len(metadata["parse_errors"]) == 1000
    assert metadata["parse_errors_total"] == 1500
