"""Long lines are cut so that JSON stays JSON; too many are sampled so that what matters stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.tasks.output import OutputQuery, read_output
from orchestrator.tasks.output.limits import LineLimits
from orchestrator.tasks.output.sample import is_critical, sample
from orchestrator.tasks.output.truncate import Line, cut_text, shorten

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NORMAL = LineLimits.choose(aggressive=False)
SHORT = LineLimits.choose(aggressive=True)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
)


def line_of(text: str) -> Line:
    return Line(text, len(text.encode("utf-8", "replace")), whole=True)


def event_with(**block: Any) -> str:
    return json.dumps({"type": "assistant", "message": {"content": [block]}})


def test_a_line_within_the_limit_stays_as_it_is() -> None:
    text = event_with(type="text", text="x" * 8000)
    assert len(text) < 8192
    assert shorten(line_of(text), NORMAL) == text


@pytest.mark.parametrize(("limits", "kept"), [(NORMAL, 4096), (SHORT, 512)])
def test_a_long_text_of_the_assistant_is_cut(limits: LineLimits, kept: int) -> None:
    text = event_with(type="text", text="begin" + "x" * 9000 + "end")
    (block,) = json.loads(shorten(line_of(text), limits))["message"]["content"]
    assert block["truncated"] is True
    assert block["original_length"] == 9008
    assert len(block["text"]) == kept
    assert block["text"].startswith("begin")
    assert block["text"].endswith("end")


def test_the_parts_of_a_tool_result_are_cut_to_its_limit() -> None:
    part = {"type": "text", "text": "x" * 9000}
    text = event_with(type="tool_result", content=[part, {"type": "text", "text": "short"}])
    (block,) = json.loads(shorten(line_of(text), NORMAL))["message"]["content"]
    assert len(block["content"][0]["text"]) == 2048
    assert block["content"][1] == {"type": "text", "text": "short"}


def test_a_line_that_cannot_be_made_short_is_named_with_its_size() -> None:
    text = json.dumps({"type": "list", "timestamp": "now", "numbers": list(range(5000))})
    stand_in = json.loads(shorten(line_of(text), NORMAL))
    assert stand_in["type"] == "truncation_error"
    assert stand_in["original_type"] == "list"
    assert stand_in["original_size"] == len(text)
    assert stand_in["max_allowed"] == 8192
    assert stand_in["timestamp"] == "now"


def test_json_that_is_nested_too_deeply_is_cut_as_text() -> None:
    text = "[" * 20_000
    assert shorten(line_of(text), NORMAL).endswith("[cut: the line has 20000 bytes]")


def test_cutting_keeps_whole_lines_at_both_ends() -> None:
    text = "\n".join(f"line {number}" for number in range(1000))
    first, *_, last = cut_text(text, 300).split("\n")
    shown = cut_text(text, 300).split("\n")
    mark = next(line for line in shown if "left out" in line)
    assert (first, last) == ("line 0", "line 999")
    assert set(shown) - {mark} <= set(text.split("\n"))


@given(st.text(), st.integers(min_value=60, max_value=200))
def test_a_cut_text_is_within_its_limit(text: str, limit: int) -> None:
    assert len(cut_text(text * 20, limit)) <= limit


@given(JSON, st.sampled_from([NORMAL, SHORT]))
def test_any_json_comes_out_within_the_limit_and_as_json(value: Any, limits: LineLimits) -> None:
    text = json.dumps({"type": value, "timestamp": value, "more": [value] * 40, "x": "y" * 1000})
    short = shorten(line_of(text), limits)
    assert len(short) <= limits.line
    assert isinstance(json.loads(short), dict)


@given(st.text(max_size=300).map(lambda text: text * 40), st.sampled_from([NORMAL, SHORT]))
def test_any_text_comes_out_within_the_limit(text: str, limits: LineLimits) -> None:
    assert len(shorten(line_of(text), limits)) <= limits.line


@pytest.mark.parametrize(
    "line",
    [
        '{"type": "error", "error": "x"}',
        '{"type": "turn.failed"}',
        '{"type": "result", "is_error": true}',
        '{"status": "blocked"}',
        "the build FAILED",
        event_with(type="tool_result", is_error=True, content="x"),
        event_with(type="tool_use", name="update_agent_progress", input={"status": "completed"}),
        event_with(type="tool_use", name="report", input={"finding_type": "insight"}),
    ],
)
def test_lines_about_errors_ends_and_findings_are_critical(line: str) -> None:
    assert is_critical(line)


@pytest.mark.parametrize(
    "line",
    [
        '{"type": "user", "is_error": false}',
        event_with(type="text", text="no error here"),
        "terror",
        "",
    ],
)
def test_other_lines_are_not_critical(line: str) -> None:
    assert not is_critical(line)


@given(
    st.lists(st.sampled_from(["", "x", "y" * 50, "an error", '{"type": "error"}']), min_size=1),
    st.integers(min_value=1, max_value=400),
)
def test_a_sample_keeps_the_order_and_accounts_for_every_line(
    lines: list[str], budget: int
) -> None:
    total = sum(len(line) for line in lines)
    chosen = sample(lines, budget)
    if chosen is None:
        assert total <= budget
        return

    assert total > budget
    markers = [line for line in chosen.lines if "truncation_marker" in line]
    left_out = sum(int(json.loads(line)["message"].split()[0]) for line in markers)
    assert left_out + len(chosen.lines) - len(markers) == len(lines)
    kept = [line for line in chosen.lines if line not in markers]
    assert sum(len(line) for line in kept) <= budget
    rest = iter(lines)
    assert all(line in rest for line in kept)
    if chosen.stats["strategy"] == "intelligent_sampling":
        assert [line for line in kept if is_critical(line)] == list(filter(is_critical, lines))


def test_sampling_does_not_touch_what_fits(write_log: Callable[..., Path]) -> None:
    log = write_log("1", "2")
    query = OutputQuery(max_bytes=2, include_metadata=True)
    answer: dict[str, Any] = read_output(log, query)
    assert answer["output"] == "1\n2"
    assert "sampling_stats" not in answer["metadata"]
    assert answer["metadata"]["max_bytes_limit"] == 2


def test_repeated_tool_calls_are_named(write_log: Callable[..., Path]) -> None:
    call = event_with(type="tool_use", name="Bash", input={"command": "ls"})
    other = event_with(type="tool_use", name="Read", input={"path": "a"})
    log = write_log(call, other, call, "x", call, call)
    query = OutputQuery(max_bytes=10, aggressive_truncate=True, include_metadata=True)
    answer: dict[str, Any] = read_output(log, query)
    analysis = answer["metadata"]["truncation_stats"]["content_analysis"]
    assert analysis == {"has_repetition": True, "repetitive_tools": ["Bash"]}


def test_compact_cuts_as_aggressive_truncation_does(write_log: Callable[..., Path]) -> None:
    log = write_log(event_with(type="text", text="x" * 3000), "y" * 2000)
    compact: dict[str, Any] = read_output(log, OutputQuery(response_format="compact"))
    aggressive: dict[str, Any] = read_output(log, OutputQuery(aggressive_truncate=True))
    assert compact["output"] == aggressive["output"]
    assert all(len(line) <= 1024 for line in compact["output"].split("\n"))
