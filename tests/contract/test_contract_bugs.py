"""The bugs of the original, by their number in the record: none of them is here."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp_types import CallToolResult

from orchestrator.process import tree
from tests.support.evidence import ask_until
from tests.support.waiting import until

from .clients import Contract, open_client
from .shapes import AGENT_ID

if TYPE_CHECKING:
    from tests.support.mcp_server import World
    from tests.support.roster import Enrolled

SOON = 20.0


async def end_of(server: Contract, task_id: str, agent_id: str) -> dict[str, Any]:
    """Wait until an agent has ended, and return its row."""

    async def ended() -> dict[str, Any] | None:
        row = (await server.rows(task_id))[agent_id]
        return row if row["state"] in {"exited", "lost"} else None

    row = await ask_until(ended, f"the end of {agent_id}")
    assert row is not None
    return row


def on_disk(path: Path, agent_id: str) -> dict[str, Any]:
    """Return an agent's row in the file of its task."""
    document = json.loads(path.read_text())
    return {row["id"]: row for row in document["agents"]}.get(agent_id, {})


def command_line(pid: int) -> str:
    """What ``ps`` shows of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace")


@pytest.mark.parametrize(
    ("directive", "status", "code"), [("", "completed", 0), ("exit=3", "failed", 3)]
)
async def test_01_an_agent_that_ends_at_once_is_registered_with_its_outcome(
    server: Contract, directive: str, status: str, code: int
) -> None:
    task = await server.task()
    agent = await server.deploy(task, f"lines=2 {directive}")
    row = await end_of(server, task, agent)
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
    before = await end_of(server, task, agent)
    answer = await server.progress(task, agent, "working")
    assert answer["success"] is False
    assert "ended" in answer["error"]
    assert (await server.rows(task))[agent] == before


async def test_05_a_kill_does_not_overwrite_completed(server: Contract) -> None:
    task = await server.task()
    agent = await server.deploy(task, "")
    await end_of(server, task, agent)
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
    async with open_client(world, backend) as server:
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
    await end_of(server, task, agent)
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
    assert (await end_of(server, task, agent))["status"] == "completed"
    assert (project / "made").exists()
    assert not list(server.world.folder.rglob("bad"))


async def test_10_a_prompt_of_any_length_arrives_and_is_not_in_the_command_line(
    server: Contract,
) -> None:
    task = await server.task()
    prompt = "[[fake sleep=100 touch=long-prompt]] " + "secret-prompt " * 15_000
    answer = await server.call("deploy_headless_agent", task_id=task, agent_type="w", prompt=prompt)
    await anyio.to_thread.run_sync(server.world.roster.wait_agent, answer["agent_id"])
    assert (server.world.project / "long-prompt").exists()
    for proc in tree.everyone():
        try:
            assert "secret-prompt" not in command_line(proc.pid)
        except OSError:
            continue


@pytest.mark.parametrize(
    ("directive", "facts"),
    [
        ("exit=3", {"status": "failed", "exit_code": 3}),
        ("result=error", {"status": "failed", "exit_code": 0}),
        ("sleep=100", {"status": "failed", "exit_signal": "SIGKILL"}),
        ("result=none", {"status": "failed", "exit_code": 0}),
    ],
)
async def test_11_each_end_is_on_disk_as_what_it_was_without_anyone_asking(
    server: Contract, directive: str, facts: dict[str, Any]
) -> None:
    task = await server.task()
    agent = await server.deploy(task, directive)
    path = server.world.workspace / task / "AGENT_REGISTRY.json"
    if "exit_signal" in facts:
        leader = await anyio.to_thread.run_sync(server.world.roster.wait_agent, agent)
        os.kill(leader.pid, signal.SIGKILL)

    row = await until(
        lambda: (row := on_disk(path, agent)).get("status") == facts["status"] and row,
        seconds=SOON,
    )
    assert row
    assert {key: row[key] for key in facts} == facts


@pytest.mark.parametrize("status", ["working", "blocked"])
async def test_12_an_agent_that_reported_and_then_exits_frees_its_slot(
    world: World, status: str
) -> None:
    async with open_client(world, CLAUDE_ORCHESTRATOR_MAX_CONCURRENT="1") as server:
        task = await server.task()
        first = await server.deploy(task, "until=go")
        await server.progress(task, first, status)
        assert (await server.rows(task))[first]["status"] == status
        refused = await server.call(
            "deploy_headless_agent", task_id=task, agent_type="w", prompt="p"
        )
        assert refused["error"] == "Too many active agents (1/1)"
        world.roster.put("go")
        assert (await end_of(server, task, first))["status"] == "completed"
        await server.deploy(task, "")


async def test_13_reports_during_deploys_and_deploys_at_once_are_all_kept(
    server: Contract,
) -> None:
    task = await server.task()
    reporter = await server.deploy(task, "sleep=100")
    async with anyio.create_task_group() as group:
        for number in range(12):
            group.start_soon(server.deploy, task, "sleep=100")
            group.start_soon(partial(server.progress, task, reporter, message=f"report {number}"))

    answer = await server.call("get_real_task_status", task_id=task)
    assert answer["agents"]["total_spawned"] == answer["agents"]["active"] == 13
    assert answer["enhanced_progress"]["total_progress_entries"] == 12
    lines = (server.world.workspace / task / "progress" / f"{reporter}_progress.jsonl").read_text()
    said = {json.loads(line)["message"] for line in lines.splitlines()}
    assert said == {f"report {number}" for number in range(12)}


async def test_13_two_servers_over_one_workspace_lose_no_agent(world: World) -> None:
    async with open_client(world) as one, open_client(world, "trio") as other:
        task = await one.task()
        made: list[str] = []

        async def deploy(server: Contract) -> None:
            made.append(await server.deploy(task, "sleep=100"))

        async with anyio.create_task_group() as group:
            for server in (one, other) * 4:
                group.start_soon(deploy, server)

        assert set(await one.rows(task)) == set(await other.rows(task)) == set(made)
        for agent in made:
            answer = await other.call("kill_real_agent", task_id=task, agent_id=agent)
            assert (answer["success"], answer["status"]) == (True, "terminated")

        assert not world.roster.alive()


async def test_14_one_slow_call_does_not_hold_up_another(server: Contract) -> None:
    task = await server.task()
    stubborn = await server.deploy(task, "sleep=100 ignore=INT,TERM")
    await anyio.to_thread.run_sync(server.world.roster.wait_agent, stubborn)
    ends: list[str] = []

    async def kill() -> None:
        await server.call("kill_real_agent", task_id=task, agent_id=stubborn)
        ends.append("kill")

    async with anyio.create_task_group() as group:
        group.start_soon(kill)
        roster = server.world.roster
        await until(lambda: roster.has(f"{stubborn}.got-INT"), seconds=SOON)
        for _ in range(5):
            await server.rows(task)

        await server.deploy(task, "")
        ends.append("others")

    # The kill has to wait for the grace; the others need not wait for the kill.
    assert ends == ["others", "kill"]


async def test_15_a_task_elsewhere_is_found_and_its_agents_run_in_their_project(
    server: Contract,
) -> None:
    project = server.world.folder / "elsewhere"
    project.mkdir(exist_ok=True)
    task = await server.task(client_cwd=str(project))
    assert (project / ".agent-workspace" / task / "AGENT_REGISTRY.json").parent.is_dir()
    agent = await server.deploy(task, "sleep=100")
    leader = await anyio.to_thread.run_sync(server.world.roster.wait_agent, agent)
    assert leader.cwd == str(project)
    assert agent in await server.rows(task)
    assert (await server.progress(task, agent))["success"] is True
    assert (await server.call("kill_real_agent", task_id=task, agent_id=agent))["session_killed"]


async def test_16_the_status_resource_answers_what_the_tool_answers(server: Contract) -> None:
    task = await server.task()
    await server.deploy(task, "sleep=100")
    assert await server.read(f"task://{task}/status") == await server.call(
        "get_real_task_status", task_id=task
    )


async def test_17_a_kill_counts_as_done_and_a_bad_client_cwd_is_a_business_error(
    server: Contract,
) -> None:
    task = await server.task()
    agent = await server.deploy(task, "sleep=100")
    await server.call("kill_real_agent", task_id=task, agent_id=agent)
    answer = await server.call("get_real_task_status", task_id=task)
    assert {key: answer["agents"][key] for key in ("active", "completed")} == {
        "active": 0,
        "completed": 1,
    }
    for bad in ("/proc/nope", "/dev/null", "nul\0"):
        result = await server.session.call_tool(
            "create_real_task", {"description": "d", "client_cwd": bad}
        )
        assert isinstance(result, CallToolResult)
        assert result.is_error is False
        assert result.structured_content is not None
        assert result.structured_content["success"] is False
        assert "client_cwd" in result.structured_content["error"]
