"""A summary tells the first errors, the last changes, the findings and the tools."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.tasks.output import OutputQuery, read_output
from orchestrator.tasks.output.limits import SUMMARY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SUMMARY = OutputQuery(response_format="summary", include_metadata=True)

EXPECTED = """\
Lines: 14, of which 1 are not JSON events
Errors: 7, first 5
  line 3: failure 0
  line 4: failure 1
  line 5: failure 2
  line 6: failure 3
  line 7: failure 4
Status changes: last 5
  line 1: system init
  line 10: working 50 half done
  line 14: result success
Findings: 1, last 10
  line 12: issue high bug
Tool calls: 4
  Bash: 2
  mcp__x__report_agent_finding: 1
  mcp__x__update_agent_progress: 1"""


def call(name: str, **arguments: object) -> str:
    block = {"type": "tool_use", "name": name, "input": arguments}
    return json.dumps({"type": "assistant", "message": {"content": [block]}})


def test_a_summary_tells_what_matters(write_log: Callable[..., Path]) -> None:
    log = write_log(
        '{"type": "system", "subtype": "init"}',
        call("Bash", command="make"),
        *(json.dumps({"type": "error", "error": f"failure {number}"}) for number in range(7)),
        call("mcp__x__update_agent_progress", status="working", progress=50, message="half\ndone"),
        "not json",
        call("mcp__x__report_agent_finding", finding_type="issue", severity="high", message="bug"),
        call("Bash", command="make test"),
        '{"type": "result", "subtype": "success", "is_error": false, "result": "done"}',
    )

    answer: dict[str, Any] = read_output(log, SUMMARY)

    assert answer["metadata"] == {"total_lines_analyzed": 14, "response_format": "summary"}
    assert answer["output"] == EXPECTED


def test_a_summary_of_a_long_log_says_that_it_saw_only_its_end(
    write_log: Callable[..., Path],
) -> None:
    line = b"x" * 99_999 + b"\n"
    count = SUMMARY_BYTES // len(line) + 50
    log = write_log('{"type": "error"}', line * count, '{"type": "error", "error": "late"}')

    answer: dict[str, Any] = read_output(log, SUMMARY)

    assert "late" in answer["output"]
    omitted = answer["metadata"]["omitted_bytes"]
    size = log.stat().st_size
    assert f"Only the last {size - omitted} of {size} bytes" in answer["output"]
    assert size - omitted <= SUMMARY_BYTES


def test_other_options_do_not_matter_to_a_summary(write_log: Callable[..., Path]) -> None:
    log = write_log("1", "2", "3")
    plain = read_output(log, SUMMARY)
    query = OutputQuery(
        response_format="summary", include_metadata=True, tail=1, filter="2", max_bytes=1
    )
    assert read_output(log, query) == plain


def test_a_log_that_is_not_there_has_a_summary(tmp_path: Path) -> None:
    answer: dict[str, Any] = read_output(tmp_path / "none", SUMMARY)
    assert answer["metadata"]["total_lines_analyzed"] == 0


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"type": "turn.failed", "error": {"message": "no quota"}}, "no quota"),
        ({"type": "result", "is_error": True, "result": "gave up"}, "gave up"),
        ({"type": "error"}, "error"),
        (
            {"message": {"content": [{"is_error": True, "content": [{"text": "exit 2"}]}]}},
            "exit 2",
        ),
        ({"type": "error", "error": "x" * 5000}, "x" * 197 + "..."),
    ],
)
def test_errors_are_found_in_all_their_forms(
    event: dict[str, Any], said: str, write_log: Callable[..., Path]
) -> None:
    answer: dict[str, Any] = read_output(write_log(json.dumps(event)), SUMMARY)
    assert f"Errors: 1, first 5\n  line 1: {said}\n" in answer["output"]
