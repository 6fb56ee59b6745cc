"""The bugs of the original's first era, by their number in the record: none is here."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest
from mcp_types import CallToolResult

from orchestrator.process import tree
from tests.support.waiting import until

from .clients import Contract, open_client

if TYPE_CHECKING:
    from tests.support.mcp_server import World

SOON = 20.0

#: The server, but that it lets an agent save its work for longer than any test takes.
PATIENT: Final = """
import signal, sys
from orchestrator.__main__ import main
from orchestrator.model import StopPolicy
from orchestrator.providers import ClaudeProvider
ClaudeProvider.stop = StopPolicy(polite_signal=signal.SIGINT, polite_grace=600.0)
sys.exit(main())
"""


def on_disk(path: Path, agent_id: str) -> dict[str, Any]:
    """Return an agent's row in the file of its task."""
    document = json.loads(path.read_text())
    return {row["id"]: row for row in document["agents"]}.get(agent_id, {})


def command_line(pid: int) -> str:
    """What ``ps`` shows of a process."""
    return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace")


async def test_10_a_prompt_of_any_length_arrives_and_is_not_in_the_command_line(
    server: Contract,
) -> None:
    task = await server.task()
    # Of this test alone: other servers of this machine have agents with prompts as well.
    secret = f"secret-{secrets.token_hex(8)}"
    prompt = "[[fake sleep=100 touch=long-prompt]] " + f"{secret} " * 15_000
    answer = await server.call("deploy_headless_agent", task_id=task, agent_type="w", prompt=prompt)
    await anyio.to_thread.run_sync(server.world.roster.wait_agent, answer["agent_id"])
    assert (server.world.project / "long-prompt").exists()
    for proc in tree.everyone():
        try:
            assert secret not in command_line(proc.pid)
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
        assert (await server.end_of(task, first))["status"] == "completed"
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


async def test_14_one_slow_call_does_not_hold_up_another(world: World, backend: str) -> None:
    ends: list[str] = []
    async with open_client(world, backend, program=(sys.executable, "-c", PATIENT)) as server:
        task = await server.task()
        stubborn = await server.deploy(task, "sleep=100 ignore=INT,TERM")
        leader = await anyio.to_thread.run_sync(world.roster.wait_agent, stubborn)

        async def kill() -> None:
            await server.call("kill_real_agent", task_id=task, agent_id=stubborn)
            ends.append("kill")

        async with anyio.create_task_group() as group:
            group.start_soon(kill)
            await until(lambda: world.roster.has(f"{stubborn}.got-INT"), seconds=SOON)
            for _ in range(5):
                await server.rows(task)

            await server.deploy(task, "")
            ends.append("others")
            os.kill(leader.pid, signal.SIGKILL)

    # The kill has to wait for its agent; the others need not wait for the kill.
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
    # One that is at work would be seen doing something else the next time.
    await server.end_of(task, await server.deploy(task, ""))
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
