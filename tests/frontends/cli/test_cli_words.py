"""How things are said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestrator.frontends.cli.table import Column, Table, as_text
from orchestrator.frontends.cli.words import cleaning, duration, named, size
from orchestrator.model import ExitedWithCode, Outcome, ProcessNote, StopReceipt
from orchestrator.model.outcome import Usage

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TOOL = ProcessNote(pid=7, name="sleep", session=7)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-0.1, "0.0s"),
        (0.04, "0.0s"),
        (9.94, "9.9s"),
        (12.3, "12s"),
        (59.6, "1m00s"),
        (185, "3m05s"),
        (7_800, "2h10m"),
        (356_400, "4d03h"),
    ],
)
def test_durations_are_short(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0B"), (512, "512B"), (10_445, "10.2K"), (356_515_840, "340M"), (1.5 * 2**30, "1.5G")],
)
def test_sizes_have_three_digits(count: float, said: str) -> None:
    assert size(count) == said


def test_many_processes_are_named_in_part() -> None:
    assert named([TOOL]) == "sleep 7"
    assert named([TOOL] * 5) == "sleep 7, sleep 7, sleep 7, sleep 7, ..."


def outcome(receipt: StopReceipt | None, *, left: tuple[ProcessNote, ...] = ()) -> Outcome:
    return Outcome(
        verdict="completed",
        exit=ExitedWithCode(code=0),
        exited_at=NOW,
        ended_at=NOW,
        usage=Usage(user_s=0, system_s=0, max_rss_bytes=0),
        left_behind=left,
        receipt=receipt,
    )


def test_an_end_that_left_nobody_needs_no_words() -> None:
    assert cleaning(outcome(None)) is None


def test_who_followed_by_itself_is_said_to_be_gone() -> None:
    said = cleaning(outcome(None, left=(TOOL,)))
    assert said == "left 1 process behind (sleep 7), gone now"


def test_survivors_are_never_kept_quiet() -> None:
    receipt = StopReceipt(
        reason="r",
        began_at=NOW,
        duration_ms=12.4,
        signalled=(TOOL,),
        escapees=(TOOL,),
        killed=(TOOL,),
        survivors=(TOOL,),
    )
    assert cleaning(outcome(receipt)) == (
        "stopped 1 process in 12 ms, 1 in sessions of their own, 1 by SIGKILL, left: sleep 7"
    )
    assert cleaning(outcome(receipt), why=True) == (
        "was stopped (r): 1 process in 12 ms, 1 in sessions of their own, 1 by SIGKILL, "
        "left: sleep 7"
    )


def test_text_is_aligned_and_never_cut() -> None:
    table = Table(
        (Column(title="ID"), Column(title="N", right=True), Column(title="END")),
        (("a", "10", ""), ("longer", "9", "x" * 300)),
    )
    assert as_text(table) == f"ID       N  END\na       10\nlonger   9  {'x' * 300}\n"
