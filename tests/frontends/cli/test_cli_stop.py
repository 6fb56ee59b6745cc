"""Stopping agents from outside."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.errors import RegistryError
from orchestrator.frontends.cli.stop import report_of
from orchestrator.model import (
    AgentFiles,
    AgentId,
    AgentRecord,
    AgentState,
    Cookie,
    Exited,
    KilledBySignal,
    Lost,
    OrchestratorId,
    OrchestratorRecord,
    Outcome,
    ProcessIdentity,
    ProcessNote,
    Stopping,
    StopPolicy,
    StopReceipt,
)
from orchestrator.model.outcome import Usage
from orchestrator.process.identity import identify
from orchestrator.registry import Registry

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
    assert done.err.endswith("; nothing was stopped\n")
    assert is_there(agent["pid"])


def test_agents_or_all_must_be_said(program: Program) -> None:
    neither = program("stop")
    assert neither.status == 2
    assert "name the agents to stop" in neither.err
    both = program("stop", "x", "--all")
    assert both.status == 2
    assert "it goes without" in both.err


def test_all_settles_an_orchestrator_that_was_cut_off_without_agents(program: Program) -> None:
    program("run", "--", "true")
    gone = ProcessIdentity(pid=2**22, start_ticks=1, boot_id="another")
    with Registry.open(program.workspace) as registry:
        registry.orchestrators.add(
            OrchestratorRecord(
                id=OrchestratorId("orc-gone"),
                pid=gone.pid,
                start_ticks=gone.start_ticks,
                boot_id=gone.boot_id,
                started_at=NOW,
            )
        )

    before = program("doctor", CLAUDE_EXECUTABLE="no-such-cli").out
    assert "1 orchestrator was cut off\n" in before
    done = program("stop", "--all")
    assert done.status == 0
    assert "1 orchestrator that was cut off was settled" in done.out
    assert "unfinished records" not in program("doctor", CLAUDE_EXECUTABLE="no-such-cli").out
    assert "there is nothing to stop" in program("stop", "--all").out


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


NOW = datetime(2026, 1, 2, tzinfo=UTC)
A_1 = AgentId("a-1")
NOBODY = ProcessIdentity(pid=2**22, start_ticks=1, boot_id="another")
CLINGING = ProcessNote(pid=7, name="stuck", session=7)


def ended_as(state: AgentState) -> AgentRecord:
    path = Path("/nowhere")
    return AgentRecord(
        id=AgentId("a-1"),
        owner=OrchestratorId("orc-1"),
        agent_type="a",
        provider="command",
        argv=("true",),
        cwd=path,
        parent=None,
        task_id=None,
        depth=1,
        prompt_preview="",
        cookie=Cookie("c"),
        files=AgentFiles(prompt=path, stdout=path, stderr=path, outcome=path),
        stop=StopPolicy(),
        created_at=NOW,
        state=state,
    )


def exited(*survivors: ProcessNote) -> Exited:
    receipt = StopReceipt(
        reason="r", began_at=NOW, duration_ms=5, signalled=(CLINGING,), survivors=survivors
    )
    outcome = Outcome(
        verdict="terminated",
        exit=KilledBySignal(signal=15),
        exited_at=NOW,
        ended_at=NOW,
        usage=Usage(user_s=0, system_s=0, max_rss_bytes=0),
        receipt=receipt,
    )
    return Exited(at=NOW, outcome=outcome)


@pytest.mark.parametrize(
    ("state", "stopped", "said"),
    [
        (exited(), True, "was stopped (r): 1 process in 5 ms, left: none"),
        (exited(CLINGING), False, "was stopped (r): 1 process in 5 ms, left: stuck 7"),
        (
            Lost(at=NOW, reason="its keeper was killed", swept=(CLINGING,)),
            True,
            "lost: its keeper was killed; swept 1 process, left: none",
        ),
    ],
)
def test_only_an_end_without_survivors_is_a_stop(
    state: AgentState, *, stopped: bool, said: str
) -> None:
    report = report_of(A_1, ended_as(state), was_live=True)
    assert (report["stopped"], report["said"]) == (stopped, said)


def test_a_stop_that_nobody_confirmed_is_none() -> None:
    me = identify(os.getpid())
    assert me is not None
    state = Stopping(since=NOW, reason="r", leader=NOBODY, keeper=me)
    report = report_of(A_1, ended_as(state), was_live=True)
    assert report["stopped"] is False
    assert "could not be stopped in time" in report["said"]


def test_an_end_that_cannot_be_recorded_is_one() -> None:
    state = Stopping(since=NOW, reason="r", leader=NOBODY, keeper=NOBODY)
    report = report_of(A_1, ended_as(state), was_live=True)
    assert report["stopped"] is True
    assert "cannot be recorded at present" in report["said"]


def test_an_agent_that_could_not_be_asked_is_not_stopped() -> None:
    report = report_of(A_1, RegistryError("the disk is full"), was_live=True)
    assert (report["id"], report["stopped"]) == ("a-1", False)
