"""The filter means what Python's `re.search` means, and ends in time whatever it is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from orchestrator.errors import InvalidInputError
from orchestrator.tasks.output import OutputQuery, filtering, read_output, scan
from orchestrator.tasks.output.filtering import INLINE_LOG, never_backtracks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CATASTROPHE = r"(a+)+$"
VICTIM = "a" * 60 + "b"

#: So many lines of four bytes are more than is searched without a process.
INLINE_LOG_LINES = INLINE_LOG // 4


def ask(log: Path, *, deadline_s: float = 5.0, **options: Any) -> dict[str, Any]:
    return read_output(log, OutputQuery(**options), deadline_s=deadline_s)


@pytest.mark.parametrize(
    "pattern", ["b", "^b", "b$", r"\d", "[xb]", "b|1", "b+", "(?i)B", r"(b)\1", "(?<!a)b", "", "é"]
)
def test_a_filter_keeps_the_lines_that_re_search_matches(
    pattern: str, write_log: Callable[..., Path]
) -> None:
    lines = ["ab", "b", "bb", "xx", "a1", "", "é", "B", "a b"]
    expected = [line for line in lines if re.search(pattern, line)]

    answer = ask(write_log(*lines), filter=pattern, include_metadata=True)

    assert answer["output"] == "\n".join(expected)
    assert answer["metadata"]["filter_pattern"] == pattern
    assert answer["metadata"]["matched_lines"] == len(expected)
    assert answer["metadata"]["total_lines"] == len(lines)


@pytest.mark.parametrize("pattern", ["error", "(error)+"])
def test_the_filter_comes_before_the_tail(pattern: str, write_log: Callable[..., Path]) -> None:
    log = write_log("error 1", "fine", "error 2", "fine", "error 3", "fine", "fine")
    answer = ask(log, filter=pattern, tail=2)
    assert answer["output"] == "error 2\nerror 3"


def test_a_plain_filter_on_a_large_log_finds_what_is_at_its_beginning(
    write_log: Callable[..., Path],
) -> None:
    log = write_log("needle", b"hay\n" * INLINE_LOG_LINES)
    answer = ask(log, filter="needle", include_metadata=True)
    assert answer["output"] == "needle"
    assert answer["metadata"]["total_lines"] == INLINE_LOG_LINES + 1


def test_a_filter_sees_all_of_a_line_that_is_too_long_to_be_shown(
    write_log: Callable[..., Path],
) -> None:
    log = write_log("short", b"x" * 5_000_000 + b"needle\n")
    answer = ask(log, filter="x+needle", include_metadata=True)
    assert answer["metadata"]["matched_lines"] == 1
    assert answer["output"].endswith("[cut: the line has 5000006 bytes]")


def test_a_filter_that_backtracks_for_ever_is_stopped(write_log: Callable[..., Path]) -> None:
    log = write_log("fine", VICTIM, "fine")

    with pytest.raises(InvalidInputError, match="simpler regular expression") as caught:
        ask(log, filter=CATASTROPHE, deadline_s=0.3)

    assert caught.value.details == {"error_type": "regex_timeout"}


def test_a_filter_that_is_deaf_to_its_timer_is_stopped_too(write_log: Callable[..., Path]) -> None:
    # One call of the search for all of the line: some versions of Python let no signal in.
    log = write_log("x" * 5_000_000)

    with pytest.raises(InvalidInputError, match="simpler regular expression") as caught:
        ask(log, filter="x+needle", deadline_s=0.3)

    assert caught.value.details == {"error_type": "regex_timeout"}


def test_lines_that_a_stopped_filter_never_reached_do_not_matter_to_a_tail(
    write_log: Callable[..., Path],
) -> None:
    log = write_log(VICTIM, "aaa", "aa")
    assert ask(log, filter=CATASTROPHE, tail=2)["output"] == "aaa\naa"


def run_search(log: Path, **job: object) -> subprocess.CompletedProcess[bytes]:
    """Run the search as a program, without a timeout: it has to end by its own limits."""
    with log.open("rb") as source:
        whole = {
            "descriptor": source.fileno(),
            "size": log.stat().st_size,
            "keep": 1,
            "seconds": 60,
            "memory": 1024**3,
            **job,
        }
        return subprocess.run(
            [sys.executable, "-I", "-S", scan.__file__],
            input=json.dumps(whole).encode(),
            capture_output=True,
            pass_fds=(source.fileno(),),
            check=False,
        )


def test_a_search_ends_itself_when_nobody_waits_for_it(write_log: Callable[..., Path]) -> None:
    log = write_log(VICTIM)
    done = run_search(log, pattern=CATASTROPHE, seconds=0.3)
    assert json.loads(done.stdout) == [[], 0, 0, log.stat().st_size, True]


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS does not limit the address space")
def test_a_search_that_fills_the_memory_ends(write_log: Callable[..., Path]) -> None:
    log = write_log("ab" * 2_000_000)
    done = run_search(log, pattern="(?:a|b|ab)*c", memory=150_000_000)
    assert done.returncode == scan.MEMORY_EXIT


def test_a_long_log_is_searched_as_far_as_time_allows_and_the_answer_says_so(
    write_log: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The search takes all of its time, and on a busy machine a while more to say what it found.
    monkeypatch.setattr(filtering, "PROCESS_GRACE", 60.0)
    log = write_log("needle at the beginning")
    # A hole reads as one endless line of zeros, which no search gets through in no time.
    os.truncate(log, 200_000_000_000)
    with log.open("ab") as end:
        end.write(b"\n" + b"hay\n" * 110_000 + b"needle\n")

    answer = ask(log, filter="(needle)", deadline_s=5.0, include_metadata=True)

    marker, *lines = answer["output"].split("\n")
    assert json.loads(marker)["type"] == "truncation_marker"
    assert lines == ["needle"]
    assert answer["metadata"]["total_lines"] == 110_001
    assert answer["metadata"]["omission"]["reason"] == "time"
    assert answer["metadata"]["omission"]["omitted_bytes"] == 200_000_000_001


@pytest.mark.parametrize("pattern", ["word", r"\(a\)", r"a\+b", "a|b", r"^\s\w$", "[ab]c"])
def test_plain_patterns_need_no_process(pattern: str) -> None:
    assert never_backtracks(pattern)


@pytest.mark.parametrize("pattern", ["a+", "a*", "a?", "a{2}", "(a|a)b", r"\\(a)", "x" * 101])
def test_patterns_that_may_backtrack_are_not_plain(pattern: str) -> None:
    assert not never_backtracks(pattern)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(alphabet="ab1()|*.^$", max_size=6),
    st.lists(st.text(alphabet="ab1", max_size=6), max_size=6),
    st.integers(min_value=1, max_value=6),
)
def test_a_search_finds_the_last_lines_that_re_search_matches(
    write_log: Callable[..., Path], pattern: str, lines: list[str], keep: int
) -> None:
    try:
        compiled = re.compile(pattern)
    except re.error:
        assume(condition=False)
        raise

    log = write_log(*lines)
    with log.open("rb") as source:
        found = scan.search(source.fileno(), log.stat().st_size, compiled, keep=keep)

    data = log.read_bytes()
    texts = [data[start:end].decode() for start, end in reversed(found.spans)]
    assert texts == [line for line in lines if compiled.search(line)][-keep:]
    assert not found.timed_out
