"""Stopping agents from outside."""

from __future__ import annotations

import sys

from .programs import Program, finish, is_there
from .test_cli_run import STUBBORN


def test_an_agent_of_another_orchestrator_is_stopped_by_its_keeper(program: Program) -> None:
    running = program.start("run", "--", "sh", "-c", "setsid sleep 300 & exec sleep 300")
    (agent,) = program.wait_running()
    done = program("stop", agent["id"][:6], "--reason", "enough", "--json")
    assert done.status == 0
    (report,) = done.json
    assert report["id"] == agent["id"]
    assert report["stopped"] is True
    assert report["receipt"]["reason"] == "enough"
    assert report["receipt"]["survivors"] == []
    assert not is_there(agent["pid"])
    # Its own run passes the end on as it was: by SIGTERM.
    assert finish(running).status == 128 + 15


def test_all_means_every_live_agent(program: Program) -> None:
    program.start("run", "--", "sleep", "300")
    program.start("run", "--", "sleep", "300")
    agents = program.wait_running(2)
    done = program("stop", "--all")
    assert done.status == 0
    assert done.out.count("left: none") == 2
    assert not any(is_there(agent["pid"]) for agent in agents)
    assert program("stop", "--all").out.startswith("No agent is live in ")


def test_kill_spares_the_grace(program: Program) -> None:
    process = program.start("run", "--", sys.executable, "-c", STUBBORN)
    assert process.stdout is not None
    assert process.stdout.readline() == b"deaf\n"
    done = program("stop", "--all", "--kill", "--json")
    (report,) = done.json
    assert report["receipt"]["killed"] != []


def test_what_has_ended_already_is_no_failure(program: Program) -> None:
    program("run", "--", "true")
    done = program("stop", "true")
    assert done.status == 0
    assert done.out.endswith("had ended already: exit 0\n")


def test_nothing_is_stopped_when_one_id_is_unknown(program: Program) -> None:
    program.start("run", "--", "sleep", "300")
    (agent,) = program.wait_running()
    done = program("stop", agent["id"], "nobody")
    assert done.status == 1
    assert "no agent 'nobody'" in done.err
    assert is_there(agent["pid"])


def test_agents_or_all_must_be_said(program: Program) -> None:
    assert program("stop").status == 2
    assert program("stop", "x", "--all").status == 2


def test_the_end_of_an_agent_whose_orchestrator_was_killed_is_recorded(program: Program) -> None:
    running = program.start("run", "--", sys.executable, "-c", STUBBORN)
    assert running.stdout is not None
    assert running.stdout.readline() == b"deaf\n"
    (agent,) = program.wait_running()
    running.kill()
    finish(running)
    done = program("stop", agent["id"], "--json")
    assert done.status == 0
    assert not is_there(agent["pid"])
    (ended,) = program.agents("--all")
    assert ended["status"] == "terminated"
    assert ended["survivors"] == []
