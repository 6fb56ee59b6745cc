"""The answers have the keys, types and values that the original server gave."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.errors import InvalidInputError
from orchestrator.tasks.output import OutputQuery, read_output
from orchestrator.tasks.output.jsonline import is_object

if TYPE_CHECKING:
    from pathlib import Path

#: The caller's part of the answer, and its arguments.
CALLERS = {"success", "agent_id", "session_status", "tmux_session"}
IDS = {"task_id", "agent_id"}

#: Other machine, other words, and a text that is cut elsewhere.
OWN_VALUES = {
    "file_path",
    "file_modified_time",
    "bytes_saved",
    "bytes_after",
    "space_savings_percent",
    "original_size",
    "final_size",
    "compression_ratio",
}

SMALL = [
    "default",
    "tail 2",
    "filter",
    "format parsed",
    "metadata",
    "max_bytes 300",
    "max_bytes 10",
    "response_format compact",
]
BIG = ['output big: {"format": "parsed"}', 'output big: {"max_bytes": 1500}']


def shape(value: Any) -> Any:
    """Reduce a value to its keys, in their order, and its types."""
    if is_object(value):
        return [(key, shape(inner)) for key, inner in value.items()]

    return type(value).__name__


def query_of(case: dict[str, Any]) -> OutputQuery:
    return OutputQuery(**{k: v for k, v in case["arguments"].items() if k not in IDS})


def result_of(case: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in case["result"].items() if key not in CALLERS}


def without_own_words(output: Any, log: Path) -> Any:
    """Put in place of our words what stands in the record for the original's."""
    if not isinstance(output, str):
        return output

    first = log.read_text().splitlines()[0]
    directory = json.loads(first)["cwd"]
    lines: list[str] = []
    for line in output.splitlines():
        if '"truncation_marker"' in line:
            lines.append(json.dumps({**json.loads(line), "message": "<text>"}))
        else:
            lines.append(line.replace(directory, "<CWD>"))

    return "\n".join(lines)


def facts(metadata: Any) -> Any:
    if not is_object(metadata):
        return metadata

    return {key: facts(value) for key, value in metadata.items() if key not in OWN_VALUES}


@pytest.mark.parametrize("name", SMALL)
def test_an_ordinary_log_is_answered_as_recorded(
    name: str, recorded: dict[str, dict[str, Any]], small_log: Path
) -> None:
    case = recorded[f"output: {name}"]
    expected = result_of(case)

    answer: dict[str, Any] = read_output(small_log, query_of(case))

    assert shape(answer) == shape(expected)
    assert without_own_words(answer["output"], small_log) == expected["output"]
    assert facts(answer.get("metadata")) == facts(expected.get("metadata"))


@pytest.mark.parametrize("name", BIG)
def test_a_log_with_a_long_line_and_a_bad_one_is_answered_as_recorded(
    name: str, recorded: dict[str, dict[str, Any]], big_log: Path
) -> None:
    case = recorded[name]
    expected = result_of(case)

    answer: dict[str, Any] = read_output(big_log, query_of(case))

    assert shape(answer) == shape(expected)
    assert facts(answer["metadata"]) == facts(expected["metadata"])


def test_a_long_tool_result_is_cut_as_recorded(
    recorded: dict[str, dict[str, Any]], big_log: Path
) -> None:
    case = recorded['output big: {"format": "parsed"}']
    answer: dict[str, Any] = read_output(big_log, query_of(case))
    cut = answer["output"][31]["message"]["content"][0]
    assert shape(cut) == [
        ("type", "str"),
        ("tool_use_id", "str"),
        ("content", "str"),
        ("truncated", "bool"),
        ("truncation_type", "str"),
        ("original_length", "int"),
    ]
    assert cut["truncated"] is True
    assert cut["truncation_type"] == "blind_string_fallback"
    assert cut["original_length"] == 27889
    assert len(cut["content"]) <= 2048
    assert cut["content"].startswith("line 0 x")
    assert cut["content"].endswith(f"line 399 {'x' * 60}")


def test_parsed_events_are_those_of_the_log_without_the_bad_line(
    recorded: dict[str, dict[str, Any]], big_log: Path
) -> None:
    case = recorded['output big: {"format": "parsed"}']
    answer: dict[str, Any] = read_output(big_log, query_of(case))
    written = [json.loads(line) for line in big_log.read_text().splitlines()[:-1]]
    assert len(answer["output"]) == 33
    assert answer["output"][:31] == written[:31]
    assert answer["output"][32] == written[32]


def test_sampling_keeps_the_lines_that_the_original_kept(
    recorded: dict[str, dict[str, Any]], big_log: Path
) -> None:
    case = recorded['output big: {"max_bytes": 1500}']
    answer: dict[str, Any] = read_output(big_log, query_of(case))
    assert without_own_words(answer["output"], big_log) == case["result"]["output"]


def test_a_summary_has_the_recorded_keys(
    recorded: dict[str, dict[str, Any]], small_log: Path
) -> None:
    case = recorded["output: response_format summary"]
    answer: dict[str, Any] = read_output(small_log, query_of(case))
    assert shape(answer) == shape(result_of(case))
    assert answer["format"] == "summary"
    assert answer["metadata"] == case["result"]["metadata"]


@pytest.mark.parametrize("name", ["bad regex", "format xml"])
def test_a_refusal_says_what_was_recorded(
    name: str, recorded: dict[str, dict[str, Any]], small_log: Path
) -> None:
    case = recorded[f"output: {name}"]

    with pytest.raises(InvalidInputError) as caught:
        read_output(small_log, query_of(case))

    assert str(caught.value) == case["result"]["error"]
    assert caught.value.details.get("error_type") == case["result"].get("error_type")
