"""The bugs of both eras of the original, by their number in the record: none is here."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.support.waiting import until

from .clients import Contract, open_client
from .shapes import AGENT_ID

if TYPE_CHECKING:
    from tests.support.mcp_server import World
    from tests.support.roster import Enrolled

SOON = 20.0


@pytest.mark.parametrize(
    ("directive", "status", "code"), [("", "completed", 0), ("exit=3", "failed", 3)]
)
async def test_01_an_agent_that_ends_at_once_is_registered_with_its_outcome(
    server: Contract, directive: str, status: str, code: int
) -> None:
    task = await server.task()
    agent = await server.deploy(task, f"lines=2 {directive}")
    row = await server.end_of(task, agent)
    assert (row["status"], row["exit_code"]) == (status, code)
    output = await server.call("get_agent_output", task_id=task, agent_id=agent)
    assert output["session_status"] == "terminated"
    assert "echo 1" in output["output"]


async def test_01_a_missing_cli_is_named_and_leaves_nothing_behind(world: World) -> None:
    async with open_client(world, CLAUDE_EXECUTABLE="no-such-cli") as server:
        task = await server.task()
        answer = await server.call(
            "deploy_headless_agent", task_id=task, agent_type="w", prompt="work"
        )
        assert answer["success"] is False
        assert "no-such-cli" in answer["error"]
        assert await server.rows(task) == {}
        assert not list((world.workspace / task).glob("agent_prompt_*"))


@pytest.mark.parametrize(
    "agent_type",
    [
        "a.b",
        "a:b",
        "a/b",
        "../../up",
        'it\'s "quoted"',
        "with some spaces",
        "x" * 5_000,
        "",
        "ü✓",
        "-v",
    ],
    ids=lambda text: text[:12] or "empty",
)
async def test_02_any_agent_type_runs_under_a_safe_id(server: Contract, agent_type: str) -> None:
    task = await server.task()
    agent = await server.deploy(task, "sleep=100", agent_type=agent_type)
    assert AGENT_ID.fullmatch(agent)
    assert len(agent) < 100
    row = (await server.rows(task))[agent]
    assert (row["type"], row["status"]) == (agent_type, "running")
    await anyio.to_thread.run_sync(server.world.roster.wait_agent, agent)
    killed = await server.call("kill_real_agent", task_id=task, agent_id=agent)
    assert killed["session_killed"] is True
    assert not [one for one in server.world.roster.alive() if one.agent_id == agent]


async def test_02_an_agent_type_beyond_all_bounds_is_refused_clearly(server: Contract) -> None:
    task = await server.task()
    answer = await server.call(
        "deploy_headless_agent", task_id=task, agent_type="x" * 1_000_000, prompt="work"
    )
    assert answer["success"] is False
    assert "agent_type" in answer["error"]
    assert len(answer["error"]) < 300
    assert await server.rows(task) == {}


async def test_03_an_agent_id_is_no_path_and_an_unknown_one_makes_no_file(
    server: Contract,
) -> None:
    task = await server.task()
    for wrong in ("../../../x", "/var/x", "ghost-000000-abcdef"):
        assert (await server.progress(task, wrong))["success"] is False
        finding = await server.call(
            "report_agent_finding",
            task_id=task,
            agent_id=wrong,
            finding_type="issue",
            severity="low",
            message="boo",
        )
        assert finding["success"] is False

    folder = server.world.workspace / task
    assert not list((folder / "progress").iterdir())
    assert not list((folder / "findings").iterdir())


async def test_04_a_kill_reaches_whoever_ignores_signals_or_left_the_session(
    server: Contract,
) -> None:
    task = await server.task()
    agent = await server.deploy(task, "sleep=100 ignore=HUP,INT,TERM kids=2 escape=2 daemon=2")
    await anyio.to_thread.run_sync(server.world.roster.wait_agent, agent)
    roster = server.world.roster

    def everyone() -> list[Enrolled]:
        found = [one for one in roster.all() if one.agent_id == agent]
        return found if len(found) == 7 else []

    members = await until(everyone, seconds=SOON)
    assert all(one.alive for one in members)
    answer = await server.call("kill_real_agent", task_id=task, agent_id=agent)
    assert (answer["session_killed"], answer["receipt"]["survivors"]) == (True, [])
    assert len(answer["receipt"]["killed"]) == 7
    assert not [one for one in members if one.alive]


async def test_05_a_late_report_does_not_revive_an_agent(server: Contract) -> None:
    task = await server.task()
    agent = await server.deploy(task, "")
    before = await server.end_of(task, agent)
    answer = await server.progress(task, agent, "working")
    assert answer["success"] is False
    assert "ended" in answer["error"]
    assert (await server.rows(task))[agent] == before


async def test_05_a_kill_does_not_overwrite_completed(server: Contract) -> None:
    task = await server.task()
    agent = await server.deploy(task, "")
    await server.end_of(task, agent)
    answer = await server.call("kill_real_agent", task_id=task, agent_id=agent)
    assert (answer["success"], answer["session_killed"]) == (True, False)
    assert answer["status"] == "completed"
    row = (await server.rows(task))[agent]
    assert row["status"] == "completed"
    assert "terminated_at" not in row


async def test_06_depth_is_counted_and_its_limit_enforced(world: World) -> None:
    async with open_client(world, CLAUDE_ORCHESTRATOR_MAX_DEPTH="2") as server:
        task = await server.task()
        first = await server.deploy(task, "sleep=100")
        below = {"child_agent_type": "c", "child_prompt": "[[fake sleep=100]]"}
        second = await server.call(
            "spawn_child_agent", task_id=task, parent_agent_id=first, **below
        )
        third = await server.call(
            "spawn_child_agent", task_id=task, parent_agent_id=second["agent_id"], **below
        )
        assert third["success"] is False
        assert third["error"].startswith("Max depth reached (3/2)")
        depths = {row["id"]: row["depth"] for row in (await server.rows(task)).values()}
        assert depths == {first: 1, second["agent_id"]: 2}


async def test_06_an_unknown_parent_is_refused(server: Contract) -> None:
    task = await server.task()
    other = await server.deploy(await server.task(), "sleep=100")
    for stranger in ("nobody-000000-aaaaaa", other):
        answer = await server.call(
            "deploy_headless_agent", task_id=task, agent_type="w", prompt="p", parent=stranger
        )
        assert answer["success"] is False
        assert answer["error"] == f"Agent {stranger} not found"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
async def test_07_a_signal_alone_ends_the_server_and_its_agents(
    world: World, backend: str, number: signal.Signals
) -> None:
    # A server whose wait for its agents is over does not say that it is done.
    async with open_client(world, backend, ORCHESTRATOR_SHUTDOWN_TIMEOUT="60") as server:
        task = await server.task()
        agent = await server.deploy(task, "sleep=100 escape=1")
        leader = await anyio.to_thread.run_sync(world.roster.wait_agent, agent)
        started = next(pid for pid in map(int, _pids(world)) if pid != leader.pid)
        os.kill(started, number)
        await until(lambda: not world.roster.alive(), seconds=SOON)
        await until(lambda: "shutdown done" in world.log, seconds=SOON)


def _pids(world: World) -> list[str]:
    return [
        line.partition(" started pid=")[2].split()[0]
        for line in world.log.splitlines()
        if "orchestrator orc-" in line and " started pid=" in line
    ]


async def test_08_tail_counts_the_lines_that_the_filter_left(server: Contract) -> None:
    task = await server.task()
    agent = await server.deploy(task, "lines=9")
    await server.end_of(task, agent)
    answer = await server.call(
        "get_agent_output", task_id=task, agent_id=agent, filter="tool_use", tail=2
    )
    assert [line.count("tool_use") > 0 for line in answer["output"].splitlines()] == [True] * 2
    summary = await server.call(
        "get_agent_output", task_id=task, agent_id=agent, response_format="summary"
    )
    assert summary["session_status"] == "terminated"


async def test_09_quotes_and_shell_signs_in_the_project_path_are_harmless(
    server: Contract,
) -> None:
    project = server.world.folder / 'it\'s "a" $(touch bad) `id` project; &'
    project.mkdir(exist_ok=True)
    task = await server.task(client_cwd=str(project))
    agent = await server.deploy(task, "touch=made")
    assert (await server.end_of(task, agent))["status"] == "completed"
    assert (project / "made").exists()
    assert not list(server.world.folder.rglob("bad"))
