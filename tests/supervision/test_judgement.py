"""Is it working? Each rule of the answer, and which of two goes before the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.model import (
    Exited,
    ExitedWithCode,
    Lost,
    Outcome,
    ProcessIdentity,
    Running,
    Starting,
    Stopping,
    Usage,
)
from orchestrator.model.activity import Activity, OpenToolCall, ProcessUse
from orchestrator.model.states import Frozen
from orchestrator.supervision.judgement import ago, judge_activity

if TYPE_CHECKING:
    from orchestrator.model import AgentState

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LEADER = ProcessIdentity(pid=100, start_ticks=5, boot_id="boot")
KEEPER = ProcessIdentity(pid=99, start_ticks=4, boot_id="boot")
RUNNING = Running(since=NOW, leader=LEADER, keeper=KEEPER)


def before(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


FROZEN = Frozen(since=before(200), leader=LEADER, keeper=KEEPER, started_at=before(900))
STOPPING = Stopping(since=NOW, reason="end of\nday", leader=LEADER, keeper=KEEPER)
SWEPT = STOPPING.model_copy(update={"exit": ExitedWithCode(code=3)})
EXITED = Exited(
    at=NOW,
    outcome=Outcome(
        verdict="failed",
        exit=ExitedWithCode(code=3),
        exited_at=NOW,
        ended_at=NOW,
        usage=Usage(user_s=0, system_s=0, max_rss_bytes=0),
    ),
)


def process(pid: int = 100, state: str = "sleeping", *, session: int = 100) -> ProcessUse:
    return ProcessUse(
        pid=pid,
        name=f"prog{pid}",
        state=state,
        cpu_s=0,
        rss_bytes=0,
        threads=1,
        open_files=None,
        session=session,
        since=NOW,
    )


def call(name: str = "Bash", what: str = "make", since: float | None = 42) -> OpenToolCall:
    opened = None if since is None else before(since)
    return OpenToolCall(id=f"id-{name}", name=name, what=what, since=opened)


def seen(*processes: ProcessUse, quiet: float = 300, wrote: bool = True, **more: Any) -> Activity:
    """What is seen of an agent that does nothing, but for what is said."""
    evidence: dict[str, Any] = {
        "cpu_s": 1.0,
        "cpu_share": 0.0,
        "process_count": len(processes) or 1,
        "processes": processes or (process(),),
        "last_output_at": before(quiet) if wrote else None,
    }
    return Activity(at=NOW, verdict="unknown", why="", quiet_s=quiet, **{**evidence, **more})


def test_judging_looks_neither_at_the_verdict_nor_at_the_sentence_that_is_there() -> None:
    plain = seen()
    other = plain.model_copy(update={"verdict": "frozen", "why": "because"})

    assert judge_activity(RUNNING, plain, apart_s=1) == judge_activity(RUNNING, other, apart_s=1)


BUSY = process(state="running")
CHILD = process(101)
ESCAPEE = process(102, session=102)
STOPPED = process(state="stopped")
LOOKS: list[tuple[Activity, str, str]] = [
    # CPU since the former look
    (seen(cpu_share=0.93), "working", "it used 0.93 CPUs over the last 2.0 s"),
    (seen(cpu_share=0.05), "working", "it used 0.05 CPUs"),
    (seen(cpu_share=0.04), "idle", "it used 0.04 CPUs since the former look"),
    (seen(BUSY, cpu_share=0.01), "idle", "it sleeps, waits for something outside, or is stuck"),
    (
        seen(cpu_share=0.93, open_tool_calls=(call(),)),
        "working",
        "over the last 2.0 s; open: its tool Bash (make), for at least 42 s",
    ),
    # output
    (seen(quiet=10), "working", "it wrote 10 s ago"),
    (seen(quiet=10.1), "idle", "it wrote nothing for 10 s"),
    (seen(quiet=3, open_tool_calls=(call(since=3),)), "waiting", "for at least 3.0 s"),
    (seen(quiet=3, open_tool_calls=(call(since=9),)), "working", "it wrote 3.0 s ago; open: its"),
    (seen(quiet=3, open_tool_calls=(call(since=None),)), "working", "it wrote 3.0 s ago"),
    (
        seen(quiet=3, open_tool_calls=(call("Agent", since=99), call(since=3))),
        "waiting",
        "its tool Agent (make), for at least 99 s, its tool Bash (make)",
    ),
    # what it waits for
    (
        seen(open_tool_calls=(call(),)),
        "waiting",
        "it waits for its tool Bash (make), for at least 42 s; it used 0.00 CPUs since",
    ),
    (
        seen(open_tool_calls=tuple(call(name, "", None) for name in "abcd")),
        "waiting",
        "it waits for its tool a, its tool b and 2 more;",
    ),
    (seen(process(state="disk-sleep")), "waiting", "prog100 100 is held in the kernel"),
    (seen(process(), CHILD), "waiting", "it seems to wait for what it started: prog101 101;"),
    (
        seen(process(), CHILD, ESCAPEE, process(103)),
        "waiting",
        "prog101 101, prog102 102 and 1 more;",
    ),
    # what stands still
    (seen(STOPPED, process(101, "traced")), "frozen", "a signal has stopped all"),
    (seen(STOPPED, CHILD), "waiting", "prog101 101"),
    (seen(STOPPED, complete=False), "unknown", "not all of its processes could be measured"),
    # what cannot be said
    (seen(quiet=3, wrote=False), "unknown", "it was launched 3.0 s ago"),
    (seen(quiet=30, wrote=False), "idle", "it wrote nothing for 30 s"),
    (
        seen(complete=False, process_count=None, processes=(), cpu_share=None),
        "unknown",
        "not all of its processes could be measured; it wrote nothing for 5 min",
    ),
]


@pytest.mark.parametrize(("look", "verdict", "words"), LOOKS)
def test_a_running_agent_is_judged_by_what_is_seen(
    look: Activity, verdict: str, words: str
) -> None:
    said, why = judge_activity(RUNNING, look, apart_s=2.0)

    assert said == verdict
    assert words in why
    assert "\n" not in why


@pytest.mark.parametrize(
    ("look", "apart_s", "verdict"),
    [
        (seen(BUSY, cpu_share=None), None, "working"),
        (seen(process(), cpu_share=None), None, "idle"),
        (seen(BUSY, cpu_share=0.0), 61.0, "working"),
        (seen(process(), cpu_share=0.9), 61.0, "idle"),
        (seen(process(), cpu_share=0.9), 59.0, "working"),
        # One hundredth of a second is what the kernel counts in.
        (seen(process(), cpu_share=0.1), 0.1, "idle"),
        (seen(process(), cpu_share=0.2), 0.1, "working"),
    ],
)
def test_without_a_recent_former_look_a_process_that_runs_at_this_moment_counts(
    look: Activity, apart_s: float | None, verdict: str
) -> None:
    assert judge_activity(RUNNING, look, apart_s=apart_s)[0] == verdict


@pytest.mark.parametrize(
    ("processes", "verdict", "words"),
    [
        ((process(),), "idle", "it waits for its model, or it is stuck: no tool call is open"),
        ((process(), CHILD), "idle", "it waits for its model, or it is stuck"),
        ((process(), CHILD, ESCAPEE), "waiting", "what it started: prog102 102;"),
    ],
)
def test_of_a_cli_that_tells_its_calls_helpers_in_its_own_session_are_not_waited_for(
    processes: tuple[ProcessUse, ...], verdict: str, words: str
) -> None:
    said, why = judge_activity(RUNNING, seen(*processes), tells_calls=True, apart_s=2)

    assert said == verdict
    assert words in why


@pytest.mark.parametrize(
    ("state", "kept", "verdict", "words"),
    [
        (Starting(since=NOW), True, "unknown", "it is being started"),
        (EXITED, True, "ended", "it has ended: exit 3, failed"),
        (Lost(at=NOW, reason="its\nkeeper"), True, "ended", "it was lost: its keeper"),
        (RUNNING, False, "unknown", "its keeper has ended"),
        (FROZEN, False, "unknown", "its keeper has ended"),
        (STOPPING, False, "unknown", "its keeper has ended"),
        (FROZEN, True, "frozen", "have stood still for 3 min, until it is thawed"),
        (STOPPING, True, "waiting", "it is being stopped: end of day"),
        (SWEPT, True, "ended", "it has ended: exit 3; what it left behind is being ended"),
    ],
)
def test_the_state_of_an_agent_goes_before_what_is_seen(
    state: AgentState, kept: bool, verdict: str, words: str
) -> None:
    busy = seen(BUSY, cpu_share=1.0, quiet=0)

    said, why = judge_activity(state, busy, kept=kept, apart_s=1)

    assert said == verdict
    assert words in why


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"),
        (0.44, "0.4 s"),
        (42, "42 s"),
        (119, "119 s"),
        (180, "3 min"),
        (9_000, "2.5 h"),
    ],
)
def test_durations_are_said_in_a_sentence(seconds: float, text: str) -> None:
    assert ago(seconds) == text
