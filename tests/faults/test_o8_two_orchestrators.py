"""O8: two orchestrators on one workspace at once: nobody is lost, and nobody is there twice."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest

from orchestrator import AgentSpec
from orchestrator.model import TaskId
from orchestrator.process import kernel, tree
from orchestrator.registry import Registry
from tests.support.durable import outcome_of, reason_of
from tests.support.evidence import wait_until
from tests.support.mcp_server import LineClient, World, ends, next_start, open_server
from tests.support.orchestrators import ChildOrchestrator, open_child
from tests.support.waiting import wait_nobody_below

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator import AgentRecord

#: Launches from each.
MANY: Final = 100

SLEEP: Final = AgentSpec(argv=("/bin/sleep", "40"))

#: A CLI that costs nothing, and room for all of it in one task.
VARIABLES: Final = {
    "CLAUDE_EXECUTABLE": "/bin/sh -c 'exec sleep 40' claude",
    "CLAUDE_ORCHESTRATOR_MAX_AGENTS": "1000",
    "CLAUDE_ORCHESTRATOR_MAX_CONCURRENT": "1000",
}


async def storm(child: ChildOrchestrator, answers: dict[str, Any]) -> None:
    """Let one launch many, and stop half of them meanwhile."""
    spec = SLEEP.model_dump(mode="json")
    answer = await child.ask("storm", spec=spec, launches=MANY, stops=MANY // 2)
    answers[child.id] = answer


async def stop_all(child: ChildOrchestrator, ids: list[str]) -> None:
    """Let one stop agents of the other."""
    assert await child.ask("stop_all", ids=ids, reason=f"by {child.id}") == {"stopped": len(ids)}


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # of the test; there is one of each
async def test_library_many_launches_and_stops_from_each_at_once_and_stops_of_the_other_s(
    anyio_backend: str, tmp_path: Path
) -> None:
    kernel.become_subreaper()
    before = tree.children(os.getpid())
    answers: dict[str, Any] = {}
    with anyio.fail_after(100):
        async with open_child(tmp_path, "asyncio") as one, open_child(tmp_path, "trio") as two:
            async with anyio.create_task_group() as group:
                group.start_soon(storm, one, answers)
                group.start_soon(storm, two, answers)

            with Registry.open(tmp_path) as registry:
                records = registry.agents.find()

            known: dict[str, AgentRecord] = {record.id: record for record in records}
            assert len(known) == 2 * MANY
            left: dict[str, list[str]] = {}
            for child in (one, two):
                launched, stopped = (set(answers[child.id][key]) for key in ("launched", "stopped"))
                assert len(launched) == MANY
                assert {known[each].owner for each in launched} == {child.id}
                assert {reason_of(known[each]) for each in stopped} == {"storm"}
                left[child.id] = sorted(launched - stopped)
                assert sorted((await child.ask("own"))["own"]) == left[child.id]

            async with anyio.create_task_group() as group:
                group.start_soon(stop_all, one, left[two.id])
                group.start_soon(stop_all, two, left[one.id])

            with Registry.open(tmp_path) as registry:
                assert registry.agents.find(live=True) == []
                for child, other in ((one, two), (two, one)):
                    records = [registry.agents.get(known[each].id) for each in left[child.id]]
                    assert {reason_of(record) for record in records} == {f"by {other.id}"}
                    assert {outcome_of(record).verdict for record in records} == {"terminated"}

            for child in (one, two):
                assert (await child.ask("own"))["own"] == []

    await wait_nobody_below(before)


def order_launches(server: LineClient, task: str) -> list[int]:
    """Order many launches in one task, without waiting."""
    return [
        server.order("deploy_headless_agent", task_id=task, agent_type="w", prompt=f"number {n}")
        for n in range(MANY)
    ]


def order_ends(server: LineClient, task: str, launches: list[int]) -> tuple[list[str], list[int]]:
    """As each launch is answered, have the agent report and order its stop, all but the last."""
    agents: list[str] = []
    orders: list[int] = []
    for number in launches:
        answer = server.receive(number)["result"]["structuredContent"]
        agents.append(answer["agent_id"])
        report = {"task_id": task, "agent_id": agents[-1], "message": "m", "progress": len(agents)}
        orders.append(server.order("update_agent_progress", status="working", **report))
        if len(agents) < MANY:
            orders.append(server.order("kill_real_agent", task_id=task, agent_id=agents[-1]))

    return agents, orders


def test_mcp_many_launches_reports_and_stops_from_each_at_once(world: World) -> None:
    with (
        open_server(world, "asyncio", variables=VARIABLES) as one,
        open_server(world, "trio", variables=VARIABLES) as two,
    ):
        task = one.create_task()
        ordered = [(server, order_launches(server, task)) for server in (one, two)]
        done = [(server, *order_ends(server, task, numbers)) for server, numbers in ordered]
        for server, _, orders in done:
            for number in orders:
                assert server.receive(number)["result"]["structuredContent"]["success"]

        agents = [agent for _, launched, _ in done for agent in launched]
        assert len(set(agents)) == 2 * MANY
        rows = two.rows(task)
        assert set(rows) == set(agents)
        # Each has one left.
        last = [launched[-1] for _, launched, _ in done]
        assert [agent for agent in agents if rows[agent]["status"] != "terminated"] == last
        with Registry.open(world.workspace) as registry:
            reports = registry.reports.progress(TaskId(task))
            assert sorted(report.agent_id for report in reports) == sorted(agents)

    known = ends(next_start(world))
    assert known == dict.fromkeys(agents, "terminated")


def test_mcp_when_one_is_killed_the_other_has_its_durable_agents_and_settles_the_rest(
    world: World,
) -> None:
    with open_server(world, "asyncio") as one, open_server(world, "trio") as two:
        task = one.create_task()
        durable = [one.deploy(task, "sleep=100 escape=1", durable=True) for _ in range(3)]
        bound = [one.deploy(task, "sleep=100 ignore=TERM,INT daemon=1") for _ in range(2)]
        others = two.deploy(task, "sleep=100")
        world.roster.wait_enrolled(11)
        # Each stops and freezes agents of the other.
        assert one.call("freeze_agent", task_id=task, agent_id=others)["state"] == "frozen"
        assert two.call("freeze_agent", task_id=task, agent_id=durable[0])["state"] == "frozen"
        assert two.call("kill_real_agent", task_id=task, agent_id=durable[1])["session_killed"]
        one.signal("SIGKILL")
        one.wait()
        wait_until(lambda: world.log.count(" adopted ") == 2, "those that are left are adopted")

        def bound_ended() -> bool:
            rows = two.rows(task)
            return all(rows[agent]["state"] == "exited" for agent in bound)

        wait_until(bound_ended, "their ends")
        rows = two.rows(task)
        assert [rows[agent]["state"] for agent in durable] == ["frozen", "exited", "running"]
        assert two.call("thaw_agent", task_id=task, agent_id=durable[0])["state"] == "running"
        assert two.call("thaw_agent", task_id=task, agent_id=others)["state"] == "running"
        for agent in (durable[0], durable[2]):
            two.call("kill_real_agent", task_id=task, agent_id=agent)

        assert {one.agent_id for one in world.roster.alive()} == {others}

    assert ends(next_start(world)) == dict.fromkeys((*durable, *bound, others), "terminated")
