"""Whoever subscribes is told of every change, in order, and nobody waits for a slow one."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import anyio

from orchestrator import AgentSpec
from orchestrator.model import may_follow
from orchestrator.supervision.changes import BACKLOG, Changes
from tests.support.agents import spec

if TYPE_CHECKING:
    from orchestrator import AgentRecord, Supervisor
    from tests.support.liveness import Liveness


async def _record(orchestrator: Supervisor) -> AgentRecord:
    agent = await orchestrator.launch(AgentSpec(argv=("/bin/true",)))
    await agent.wait()
    return agent.record


async def test_a_subscriber_sees_an_agent_run_stop_and_end_in_this_order(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    seen: list[AgentRecord] = []
    with anyio.fail_after(10), orchestrator.changes.subscribe() as changes:
        agent = await orchestrator.launch(spec("ignores_signals", liveness=liveness))
        await liveness.wait_here("leader")
        await agent.stop("enough")
        while not seen or seen[-1].live:
            seen.append(await changes.receive())

    assert [record.state.kind for record in seen] == ["running", "stopping", "stopping", "exited"]
    asked, ended = seen[1].state, seen[2].state
    assert asked.kind == "stopping"
    assert ended.kind == "stopping"
    assert (asked.exit, asked.requested, asked.reason) == (None, True, "enough")
    assert ended.exit is not None
    assert seen[-1] == agent.record == orchestrator.registry.agents.get(agent.id)


async def test_of_many_agents_at_once_every_one_takes_legal_steps_only(
    orchestrator: Supervisor,
) -> None:
    seen: dict[str, list[AgentRecord]] = {}
    with anyio.fail_after(20), orchestrator.changes.subscribe() as changes:
        async with anyio.create_task_group() as group:
            for code in range(20):
                group.start_soon(orchestrator.launch, spec("ends", "code", str(code)))

        while sum(not records[-1].live for records in seen.values()) < 20:
            record = await changes.receive()
            seen.setdefault(record.id, []).append(record)

    for records in seen.values():
        assert records[0].state.kind == "running"
        assert all(may_follow(before.state, after.state) for before, after in pairwise(records))


async def test_a_subscriber_that_left_is_told_nothing(orchestrator: Supervisor) -> None:
    with anyio.fail_after(10):
        with orchestrator.changes.subscribe() as changes:
            await changes.aclose()
            await _record(orchestrator)

        with orchestrator.changes.subscribe() as changes:
            pass

        record = await _record(orchestrator)

    assert record.state.kind == "exited"


async def test_a_subscriber_that_is_too_far_behind_is_let_go_and_others_are_not(
    orchestrator: Supervisor,
) -> None:
    told: list[AgentRecord] = []
    changes = Changes(told.append)
    with anyio.fail_after(10):
        record = await _record(orchestrator)
        with changes.subscribe() as slow:
            for _ in range(BACKLOG + 5):
                changes.tell(record)

            with changes.subscribe() as fresh:
                changes.tell(record)
                assert await fresh.receive() == record

            received = [each async for each in slow]

    assert len(received) == BACKLOG
    assert len(told) == BACKLOG + 6
