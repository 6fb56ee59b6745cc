"""The list of agents."""

from __future__ import annotations

import os
import pty
import signal
import subprocess

import pytest

from .programs import PATIENCE, PROGRAM, Program, finish, interrupt, wait_for


def test_a_folder_without_a_workspace_stays_as_it_is(program: Program) -> None:
    for command in (("ps",), ("logs", "x"), ("stop", "--all")):
        done = program(*command)
        assert done.status == 1
        assert done.err == (
            f"orchestrator: no workspace here ({program.workspace}): `orchestrator run -- CMD` "
            "makes one, --workspace or CLAUDE_ORCHESTRATOR_WORKSPACE names another\n"
        )

    assert list(program.folder.iterdir()) == []


def test_a_workspace_without_a_name_is_refused(program: Program) -> None:
    done = program("--workspace", "", "run", "--", "true")

    assert (done.status, "name a folder" in done.err) == (2, True)
    assert list(program.folder.iterdir()) == []


def test_a_workspace_in_the_home_of_nobody_is_refused_in_one_line(program: Program) -> None:
    done = program("--workspace", "~nobody-of-that-name/x", "ps")

    assert done.status == 1
    assert done.err.startswith(
        "orchestrator: The workspace '~nobody-of-that-name/x' is in the home"
    )
    assert done.err.count("\n") == 1


def test_the_option_wins_over_the_variable(program: Program) -> None:
    done = program("--workspace", "elsewhere", "ps")
    assert str(program.folder / "elsewhere") in done.err


def test_live_agents_are_shown_with_their_whole_tree(program: Program) -> None:
    program.start("run", "--", "sh", "-c", "setsid sleep 300 & exec sleep 300")
    agent = wait_for(
        lambda: next((one for one in program.wait_running() if one["processes"] == 2), None)
    )
    assert agent["provider"] == "command"
    assert agent["rss_bytes"] > 0
    assert agent["live"] is True
    assert "cookie" not in agent

    lines = program("ps").out.splitlines()
    assert lines[0].split()[:3] == ["ID", "STATUS", "PID"]
    assert lines[1].split()[:3] == [agent["id"], "running", str(agent["pid"])]
    assert len(lines) == 2


def test_ended_agents_are_shown_on_request(program: Program) -> None:
    program("run", "--", "sh", "-c", "exit 3")
    assert "No agent is live" in program("ps").out
    assert "`--all` shows 1 that ended" in program("ps").out
    (agent,) = program.agents("--all")
    assert agent["status"] == "failed"
    assert agent["ended"] == "exit 3"
    assert agent["survivors"] == []
    assert "exit 3" in program("ps", "--all").out


def test_an_agent_whose_end_nobody_recorded_is_called_unsettled(program: Program) -> None:
    process = program.start("run", "--", "sleep", "300")
    program.wait_running()
    process.kill()
    finish(process)

    def unsettled() -> bool:
        return [agent["status"] for agent in program.agents()] == ["unsettled"]

    wait_for(unsettled)
    assert "unsettled" in program("ps").out
    stopped = program("stop", "--all", "--json")
    assert stopped.status == 0
    assert program.agents() == []


@pytest.mark.parametrize("arguments", [("--watch",), ("--watch", "--json")])
def test_watch_needs_a_terminal(program: Program, arguments: tuple[str, ...]) -> None:
    done = program("ps", *arguments)
    assert done.status == 2
    assert "terminal" in done.err


def test_ctrl_c_ends_a_run_that_ps_no_longer_shows(program: Program) -> None:
    process = program.start("run", "--", "sleep", "300")
    program.wait_running()
    interrupt(process)
    finish(process)
    assert program.agents() == []


def test_watch_keeps_the_terminal_up_to_date(program: Program) -> None:
    program.start("run", "--", "sleep", "300")
    (agent,) = program.wait_running()
    ours, theirs = pty.openpty()
    watching = subprocess.Popen(
        [*PROGRAM, "ps", "--watch"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        cwd=program.folder,
        env=program.environment(TERM="xterm", COLUMNS="160", LINES="40"),
    )
    os.close(theirs)
    try:
        screen = b""
        while agent["id"].encode() not in screen:
            screen += os.read(ours, 65_536)

        stopped = program("stop", "--all")
        assert stopped.status == 0
        while b"No agent is live" not in screen:
            screen += os.read(ours, 65_536)

        watching.send_signal(signal.SIGINT)
        assert watching.wait(PATIENCE) == 0
    finally:
        watching.kill()
        watching.wait()
        os.close(ours)
