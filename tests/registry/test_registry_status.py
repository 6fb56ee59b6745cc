"""How the state of an agent is shown."""

from __future__ import annotations

import pytest
from registry_records import (
    LEADER,
    LOST,
    NOW,
    RUNNING,
    STARTING,
    SURVIVOR,
    agent,
    exited,
    later,
    progress,
    stopping,
)

from orchestrator.model import AgentState, ExitedWithCode, KilledBySignal
from orchestrator.registry.status import agent_row, hierarchy, is_active, local_iso, shown_status

CLEAN = ExitedWithCode(code=0)


@pytest.mark.parametrize(
    ("state", "reported", "shown", "active"),
    [
        (STARTING, None, "running", True),
        (RUNNING, None, "running", True),
        (RUNNING, "working", "working", True),
        (RUNNING, "blocked", "blocked", True),
        (RUNNING, "dancing", "dancing", True),
        (RUNNING, "completed", "completed", False),
        (RUNNING, "error", "error", False),
        (stopping(), None, "running", True),
        (stopping(), "completed", "running", True),
        (stopping(end=CLEAN), "working", "running", True),
        (stopping(end=CLEAN, requested=False), "working", "completed", False),
        (stopping(end=ExitedWithCode(code=3), requested=False), "completed", "failed", False),
        (stopping(end=KilledBySignal(signal=9), requested=False), None, "failed", False),
        (stopping(requested=False), "working", "working", True),
        (exited("completed"), "working", "completed", False),
        (exited("failed"), "completed", "failed", False),
        (exited("terminated"), "completed", "terminated", False),
        (LOST, "working", "failed", False),
    ],
)
def test_what_is_known_of_the_end_comes_before_what_the_agent_says(
    state: AgentState, reported: str | None, shown: str, active: bool
) -> None:
    record = agent("worker-1", state=state)
    latest = None if reported is None else progress("worker-1", reported)

    assert shown_status(record, latest) == shown
    assert is_active(record, latest) is active


def test_a_hierarchy_always_knows_the_orchestrator() -> None:
    assert hierarchy([]) == {"orchestrator": []}
    family = [agent("a"), agent("b", parent="a"), agent("c", parent="a"), agent("d")]
    assert hierarchy(family) == {"orchestrator": ["a", "d"], "a": ["b", "c"]}


def test_a_running_agent_has_a_pid_and_its_last_report() -> None:
    row = agent_row(
        agent("worker-1", parent="boss-1", depth=2, state=RUNNING),
        progress("worker-1", "working", 40, at=later(3)),
    )

    assert row == {
        "id": "worker-1",
        "type": "worker",
        "tmux_session": "agent_worker-1",
        "parent": "boss-1",
        "depth": 2,
        "status": "working",
        "started_at": local_iso(NOW),
        "progress": 40,
        "last_update": local_iso(later(3)),
        "prompt": "Look into it",
        "provider": "command",
        "pid": LEADER.pid,
    }


def test_a_terminated_agent_says_when_and_why_and_who_survived() -> None:
    record = agent(state=exited("terminated", survivors=(SURVIVOR,)))

    row = agent_row(record, None)

    assert row["status"] == "terminated"
    assert row["terminated_at"] == row["last_update"] == local_iso(later(7))
    assert row["termination_reason"] == "asked to"
    assert row["exit_signal"] == "SIGTERM"
    assert row["survivors"] == [{"pid": 4007, "name": "stubborn", "session": 4007}]
    assert "completed_at" not in row
    assert "pid" not in row


def test_an_agent_that_ended_by_itself_says_how() -> None:
    row = agent_row(agent(state=exited("failed")), None)

    assert (row["status"], row["exit_code"], row["survivors"]) == ("failed", 3, [])
    assert row["completed_at"] == local_iso(later(6))
    assert "terminated_at" not in row


def test_a_lost_agent_says_why() -> None:
    row = agent_row(agent(state=LOST), None)

    assert (row["status"], row["lost_reason"]) == (
        "failed",
        "the machine or its container was restarted",
    )


def test_an_agent_that_calls_itself_done_has_the_time_of_that() -> None:
    row = agent_row(agent("w", state=RUNNING), progress("w", "completed", 100, at=later(4)))

    assert row["completed_at"] == local_iso(later(4))
    assert row["pid"] == LEADER.pid


def test_an_agent_whose_leavings_are_swept_says_how_it_ended() -> None:
    row = agent_row(agent(state=stopping(end=CLEAN, requested=False)), None)

    assert (row["status"], row["exit_code"]) == ("completed", 0)
    assert row["completed_at"] == local_iso(later(5))
