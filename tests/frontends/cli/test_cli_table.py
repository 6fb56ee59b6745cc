"""Tables on narrow terminals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.frontends.cli.ps import as_table
from orchestrator.frontends.cli.table import Column, Table, drawn
from orchestrator.model import (
    AgentFiles,
    AgentId,
    AgentRecord,
    AgentState,
    Cookie,
    Exited,
    KilledBySignal,
    OrchestratorId,
    Outcome,
    ProcessIdentity,
    ProcessNote,
    Stopping,
    StopPolicy,
    StopReceipt,
    TaskId,
)
from orchestrator.model.outcome import Usage

ID = "reviewer-155830-ef220b"
BEGAN = datetime(2026, 1, 2, tzinfo=UTC)
REASON = "its orchestrator has been seen to be gone"
PROCESS = ProcessIdentity(pid=4_194_301, start_ticks=1, boot_id="another")


def stopping() -> Stopping:
    return Stopping(since=BEGAN, reason=REASON, leader=PROCESS, keeper=PROCESS)


def stopped(*survivors: ProcessNote) -> Exited:
    ended = BEGAN + timedelta(minutes=3)
    receipt = StopReceipt(reason=REASON, began_at=BEGAN, duration_ms=5, survivors=survivors)
    outcome = Outcome(
        verdict="terminated",
        exit=KilledBySignal(signal=15),
        exited_at=ended,
        ended_at=ended,
        usage=Usage(user_s=1, system_s=1, max_rss_bytes=0),
        receipt=receipt,
    )
    return Exited(at=ended, outcome=outcome)


def agent(state: AgentState) -> AgentRecord:
    path = Path("/nowhere")
    return AgentRecord(
        id=AgentId(ID),
        owner=OrchestratorId("orc-1"),
        agent_type="reviewer",
        provider="command",
        argv=("true",),
        cwd=path,
        parent=None,
        task_id=TaskId("TASK-20260102-000000-0a1b2c"),
        depth=1,
        prompt_preview="",
        cookie=Cookie("c"),
        files=AgentFiles(prompt=path, stdout=path, stderr=path, outcome=path),
        stop=StopPolicy(),
        created_at=BEGAN,
        state=state,
    )


def on_a_terminal(table: Table, width: int) -> list[str]:
    output = StringIO()
    Console(file=output, width=width, highlight=False).print(drawn(table, width=width))
    return output.getvalue().splitlines()


def unfolded(lines: list[str], title: str) -> str:
    """Read one column from top to bottom; it must be the last one, or have room after it."""
    at = lines[0].index(title)
    return " ".join(line[at:].split("  ")[0].strip() for line in lines[1:]).strip()


@pytest.mark.parametrize("width", [80, 100])
def test_the_list_of_agents_keeps_what_it_is_for_on_a_narrow_terminal(width: int) -> None:
    lines = on_a_terminal(as_table([agent(stopped())]), width)
    assert all(len(line) <= width for line in lines)
    assert "…" not in "".join(lines)
    assert lines[0].split()[:2] == ["ID", "STATUS"]
    assert lines[1].split()[:2] == [ID, "terminated"]
    assert unfolded(lines, "ENDED") == f"SIGTERM ({REASON})"
    assert "PROVIDER" not in lines[0]


@pytest.mark.parametrize("width", [80, 100])
def test_a_pid_is_never_cut(width: int) -> None:
    lines = on_a_terminal(as_table([agent(stopping()), agent(stopped())]), width)
    assert all(len(line) <= width for line in lines)
    assert lines[1].split()[:3] == [ID, "unsettled", "4194301"]
    assert "ENDED" in lines[0]


def test_a_survivor_is_never_left_out() -> None:
    lines = on_a_terminal(
        as_table([agent(stopped(ProcessNote(pid=7, name="stuck", session=7)))]), 80
    )
    assert "stuck 7" in lines[1]


def test_a_wide_terminal_shows_every_column_on_one_line() -> None:
    lines = on_a_terminal(as_table([agent(stopped())]), 240)
    assert len(lines) == 2
    for title in ("ID", "STATUS", "TIME", "CPU", "PROVIDER", "TYPE", "TASK", "ENDED", "SURVIVORS"):
        assert title in lines[0]


def test_what_can_be_spared_goes_first_and_the_rest_is_folded_and_not_cut() -> None:
    columns = (Column(title="A"), Column(title="B", spare=1), Column(title="C", spare=2))
    table = Table(columns, (("a" * 10, "b" * 10, "c" * 10),))
    assert on_a_terminal(table, 34)[0].split() == ["A", "B", "C"]
    assert on_a_terminal(table, 33)[0].split() == ["A", "B"]
    assert on_a_terminal(table, 21)[0].split() == ["A"]
    assert "".join(line.strip() for line in on_a_terminal(table, 6)[1:]) == "a" * 10
