"""How it is said what an agent is doing: in the table, in JSON, and with the reasons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.config import Settings
from orchestrator.frontends.cli import ps, work
from orchestrator.frontends.cli.table import as_text
from orchestrator.model.activity import Activity, OpenToolCall, ProcessUse

from .programs import wait_for

if TYPE_CHECKING:
    from .programs import Program

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LEADER = ProcessUse(
    pid=4711,
    name="no\x1bde",
    state="sleeping",
    cpu_s=1.25,
    rss_bytes=3 << 20,
    threads=11,
    open_files=None,
    session=4711,
    since=NOW - timedelta(seconds=185),
)


def call(name: str = "Bash", since: float | None = 42) -> OpenToolCall:
    opened = None if since is None else NOW - timedelta(seconds=since)
    return OpenToolCall(id="toolu_1", name=name, what="make test", since=opened)


def activity(verdict: str, *calls: OpenToolCall, **more: Any) -> Activity:
    evidence: dict[str, Any] = {"quiet_s": 185.0, "open_tool_calls": calls, **more}
    return Activity.model_validate({"at": NOW, "verdict": verdict, "why": "so", **evidence})


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (None, "-"),
        (activity("working"), "working"),
        (activity("working", call()), "working Bash 42s"),
        (activity("waiting", call()), "tool Bash 42s"),
        (activity("waiting", call(since=None)), "tool Bash"),
        (activity("waiting", call("Agent", 99), call()), "tool Agent +1 1m39s"),
        (activity("waiting", call("mcp__claude-orchestrator__report")), "tool report 42s"),
        (activity("waiting", call("x" * 40)), f"tool {'x' * 17}... 42s"),
        (activity("waiting", call("mcp__")), "tool mcp__ 42s"),
        (activity("waiting"), "waiting 3m05s"),
        (activity("idle"), "quiet 3m05s"),
        (activity("frozen"), "frozen"),
        (activity("unknown"), "-"),
        (activity("ended"), "-"),
    ],
)
def test_the_table_says_it_in_a_few_words(seen: Activity | None, said: str) -> None:
    assert work.short(seen) == said


def test_in_full_it_is_said_with_the_numbers_and_each_open_call() -> None:
    seen = activity(
        "waiting",
        call(),
        cpu_s=62.5,
        cpu_share=0.014,
        rss_bytes=3 << 20,
        output_bytes=2_048,
        last_output_at=NOW - timedelta(seconds=185),
    )
    assert work.sentences(seen) == [
        "waiting: so",
        "CPU 1m02s (0.01 CPUs now), memory 3.0M, output 2.0K, the last byte 3m05s ago",
        "tool Bash 42s: make test",
    ]


def test_what_nobody_could_see_is_called_unknown() -> None:
    assert work.sentences(activity("unknown"))[1] == (
        "CPU unknown, memory unknown, output 0B, nothing yet"
    )


def test_processes_are_a_table_whose_names_are_safe_to_print() -> None:
    heading, line = as_text(work.processes(activity("idle", processes=(LEADER,)))).splitlines()

    assert heading.split() == [
        *("PID", "STATE", "CPU", "MEM", "THREADS", "FILES", "SESSION", "AGE", "NAME"),
    ]
    assert line.split() == [
        *("4711", "sleeping", "1.2s", "3.0M", "11", "-", "4711", "3m05s", "no?de"),
    ]


def test_a_live_agent_is_shown_with_what_it_is_doing(program: Program) -> None:
    program.start("run", "--", "sh", "-c", "while :; do :; done & sleep 300")

    def busy() -> dict[str, Any] | None:
        found = [one for one in program.agents() if one["activity"]["verdict"] == "working"]
        # A shell that has forked for `sleep` is one more shell for a moment.
        names = {one["name"] for each in found for one in each["activity"]["processes"] or ()}
        return found[0] if "sleep" in names else None

    agent = wait_for(busy)
    seen = agent["activity"]
    assert "is running on a CPU" in seen["why"]
    assert seen["cpu_s"] == agent["cpu_s"]
    assert seen["process_count"] == agent["processes"] == 3
    assert {one["name"] for one in seen["processes"]} == {"sh", "sleep"}

    heading, line = program("ps").out.splitlines()
    assert heading.split()[:4] == ["ID", "STATUS", "PID", "WORK"]
    assert line.split()[3] in {"working", "waiting"}


def test_an_agent_that_has_ended_is_not_said_to_do_anything(program: Program) -> None:
    program("run", "--", "true")

    (agent,) = program.agents("--all")

    assert agent["activity"] is None
    assert "WORK" not in program("ps", "--all").out


def test_why_puts_two_looks_side_by_side_and_lists_the_processes(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    program.start("run", "--", "sh", "-c", "setsid sleep 300 & exec sleep 300")
    agent = wait_for(
        lambda: next((one for one in program.wait_running() if one["processes"] == 2), None)
    )
    settings = Settings.read({}, workspace=program.workspace, cwd=program.folder)

    ps.show(settings, everyone=False, as_json=False, why=True)

    first, numbers, heading, *processes = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{agent['id']}  running, ")
    # Only a second look can know it.
    assert "CPUs now), memory" in numbers
    assert heading.split()[0] == "PID"
    assert [line.split()[-1] for line in processes] == ["sleep", "sleep"]
    assert str(agent["pid"]) in processes[0].split()


def test_why_names_those_that_have_ended_with_how(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    program("run", "--", "sh", "-c", "exit 3")
    settings = Settings.read({}, workspace=program.workspace, cwd=program.folder)

    ps.show(settings, everyone=True, as_json=False, why=True)

    (agent,) = program.agents("--all")
    assert capsys.readouterr().out == f"{agent['id']}  failed  exit 3\n"
