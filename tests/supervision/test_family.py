"""Stopping a family: nothing is launched in it any more, and nobody of it is left (O3, O5, O8)."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator import (
    AgentSpec,
    GateClosedError,
    LaunchError,
    Limits,
    Settings,
    open_orchestrator,
)
from orchestrator.model import AgentId, AgentRecord
from tests.support.agents import spec
from tests.support.durable import (
    LONG,
    durable,
    reason_of,
    wait_adopted,
    wait_outcome,
    wait_recorded,
)
from tests.support.orchestrators import open_child
from tests.support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator import Supervisor
    from tests.support.liveness import Liveness

#: A test that leaves a process fails.
pytestmark = pytest.mark.usefixtures("nobody_below")


def below(parent: str, asked: AgentSpec) -> AgentSpec:
    """Return the spec of a child agent."""
    return asked.model_copy(update={"parent": AgentId(parent)})


async def is_closed(orchestrator: Supervisor, agent_id: str) -> bool:
    """Whether nothing can be launched below an agent any more."""
    try:
        agent = await orchestrator.launch(below(agent_id, AgentSpec(argv=("/bin/true",))))
    except GateClosedError:
        return True

    await agent.wait()
    return False


async def test_parents_and_children_are_gone_and_nothing_is_launched_in_the_family_again(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    waits = spec("waits", liveness=liveness)
    with anyio.fail_after(20):
        async with open_orchestrator(tmp_path) as orchestrator:
            head = await orchestrator.launch(waits)
            child = await orchestrator.launch(below(head.id, waits))
            grandchild = await orchestrator.launch(
                below(child.id, spec("has_children", liveness=liveness))
            )
            stranger = await orchestrator.launch(waits)
            await liveness.wait_here("leader", times=4)
            await liveness.wait_here("child", "session", "group")
            # What its parent left when it ended is family too.
            await child.stop("only this one")
            ended = await orchestrator.stop_family(head.id, reason="all of them")
            assert [record.id for record in ended] == [head.id, grandchild.id]
            assert {reason_of(record) for record in ended} == {"all of them"}
            assert [guest.pid for guest in liveness.here()] == [stranger.pid]
            for member in (head, child, grandchild):
                assert await is_closed(orchestrator, member.id)

            assert not await is_closed(orchestrator, stranger.id)
            assert await orchestrator.stop_family(head.id, reason="again") == []

        async with open_orchestrator(tmp_path) as orchestrator:
            assert await is_closed(orchestrator, head.id)


@pytest.mark.parametrize("asked", ["owner of the head", "owner of the child"])
async def test_o8_a_family_of_two_orchestrators_is_stopped_from_either(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, asked: str
) -> None:
    waits = spec("waits", liveness=liveness)
    with anyio.fail_after(30):
        async with (
            open_child(tmp_path, anyio_backend) as child,
            open_orchestrator(tmp_path) as other,
        ):
            head = await child.launch(waits)
            middle = await other.launch(below(head["id"], waits))
            last = await child.launch(below(middle.id, waits))
            await liveness.wait_here("leader", times=3)
            if asked == "owner of the head":
                await child.ask("stop_family", id=head["id"], reason="all")
            else:
                await other.stop_family(head["id"], reason="all")

            assert liveness.here() == []
            records = other.registry.agents.find()
            assert [record.id for record in records] == [head["id"], middle.id, last["id"]]
            assert {reason_of(record) for record in records} == {"all"}
            assert await is_closed(other, last["id"])


async def test_o8_whoever_launches_in_a_family_that_is_being_stopped_nobody_of_it_is_left(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    waits = spec("waits", liveness=liveness)
    with anyio.fail_after(60):
        async with (
            open_child(tmp_path, anyio_backend, quiet=True) as child,
            open_orchestrator(tmp_path) as other,
            anyio.create_task_group() as group,
        ):
            head = await other.launch(waits)
            started: list[str] = []
            closed = anyio.Event()

            async def launch() -> None:
                while not closed.is_set():
                    try:
                        started.append((await other.launch(below(head.id, waits))).id)
                    except GateClosedError:
                        closed.set()

            await child.order(
                "storm", spec=below(head.id, waits).model_dump(mode="json"), launches=20
            )
            for _ in range(3):
                group.start_soon(launch)

            await until(lambda: len(other.registry.agents.find(live=True)) > 10, seconds=LONG)
            await other.stop_family(head.id, reason="all")
            assert other.registry.agents.find(live=True) == []
            await closed.wait()
            answer = await child.hear()
            assert answer["refused"] + len(answer["launched"]) == 20
            await liveness.wait_gone()
            known = {record.id for record in other.registry.agents.find()}
            assert known == {head.id, *started, *answer["launched"]}


async def test_a_launch_that_is_refused_meanwhile_is_no_member(
    anyio_backend: str, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    with anyio.fail_after(20):
        async with open_orchestrator(tmp_path / "workspace") as orchestrator:
            head = await orchestrator.launch(AgentSpec(argv=("/bin/sleep", "40")))

            async def launch() -> None:
                with pytest.raises(LaunchError):
                    await orchestrator.launch(below(head.id, AgentSpec(argv=(str(program),))))

            async with anyio.create_task_group() as group:
                group.start_soon(launch)
                while len(orchestrator.agents) < 2:
                    await anyio.lowlevel.checkpoint()

                ended = await orchestrator.stop_family(head.id, reason="all")
                assert [record.id for record in ended] == [head.id]


# ----------------------------------------------------------------------- ends of orchestrators
@pytest.mark.parametrize(
    ("anyio_backend", "point"),
    [
        ("asyncio", "agents.close_gate:before"),
        ("trio", "agents.close_gate:after"),
        ("asyncio", "set_state:stopping:before"),
        ("trio", "set_state:stopping:after"),
        ("asyncio", "set_state:exited:after"),
    ],
)
async def test_o3_a_kill_at_every_point_of_a_family_s_stop_leaves_it_whole_or_ended(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, point: str
) -> None:
    waits = durable("waits", liveness=liveness)
    with anyio.fail_after(30):
        async with open_child(tmp_path, anyio_backend, die_at=point) as child:
            head = await child.launch(waits)
            member = await child.launch(below(head["id"], waits))
            bound = await child.launch(below(head["id"], spec("waits", liveness=liveness)))
            await liveness.wait_here("leader", times=3)
            await child.order("stop_family", id=head["id"], reason="all")
            assert await child.wait() == -signal.SIGKILL

        async with open_orchestrator(tmp_path) as orchestrator:
            # It had asked all of them, or nobody yet.
            early = "close_gate" in point
            if early:
                for one in (head, member):
                    await wait_adopted(orchestrator, one["id"])

                assert await is_closed(orchestrator, member["id"]) == point.endswith("after")
                await orchestrator.stop_family(head["id"], reason="all")

            ends = [await wait_recorded(orchestrator, one["id"]) for one in (head, member, bound)]
            assert await is_closed(orchestrator, member["id"])

        await liveness.wait_gone()

    *durables, last = [reason_of(record) for record in ends]
    assert durables == ["all", "all"]
    # Its keeper saw the end first; which is on record first depends on how soon it is stopped.
    assert last in ({"all", "its orchestrator is gone"} if early else {"all"})


# ------------------------------------------------------------------------------------ the cost
def costing(folder: Path, dollars: float, *, wait: str = "") -> dict[str, str]:
    """Return variables for a CLI that says that it has cost so much; it may wait for a file."""
    said = {"type": "result", "is_error": False, "result": "done", "total_cost_usd": dollars}
    until_there = f"until test -e {folder / wait}; do sleep 0.05; done\n" if wait else ""
    program = folder / "cli"
    program.write_text(f"#!/bin/sh\n{until_there}echo '{json.dumps(said)}'\n")
    program.chmod(0o755)
    return {"CLAUDE_EXECUTABLE": str(program)}


async def test_a_family_that_has_cost_its_limit_is_stopped(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    settings = Settings.read(costing(tmp_path, 0.6), workspace=tmp_path / "workspace")
    waits = spec("waits", liveness=liveness)
    with anyio.fail_after(20):
        async with open_orchestrator(settings=settings) as orchestrator:
            head = await orchestrator.launch(waits.model_copy(update={"limits": Limits(cost=1.0)}))
            middle = await orchestrator.launch(below(head.id, waits))
            for agent_id in (head.id, middle.id):
                assert head.record.state.kind == "running"
                paid = await orchestrator.launch(below(agent_id, AgentSpec(provider="claude")))
                result = (await paid.wait()).result
                assert result is not None
                assert result.cost_usd == 0.6

            outcomes = [await head.wait(), await middle.wait()]
            assert await is_closed(orchestrator, middle.id)
            await liveness.wait_gone()

    assert [outcome.limit for outcome in outcomes] == ["cost", "cost"]


async def test_o5_what_a_family_costs_while_nobody_watches_counts_at_the_next_start(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    env = costing(tmp_path, 1.5, wait="go")
    workspace = tmp_path / "workspace"
    asked = durable("waits", liveness=liveness, limits=Limits(cost=1.0))
    with anyio.fail_after(30):
        async with open_child(workspace, anyio_backend, env=env) as child:
            head = await child.launch(asked)
            paid = AgentSpec(provider="claude", durable=True)
            spent = AgentRecord.model_validate(await child.launch(below(head["id"], paid)))
            await liveness.wait_here("leader")
            child.signal(signal.SIGKILL)
            await child.wait()

        (tmp_path / "go").touch()
        await wait_outcome(spent)
        async with open_orchestrator(workspace) as orchestrator:
            record = await wait_recorded(orchestrator, head["id"])
            assert await is_closed(orchestrator, head["id"])

        await liveness.wait_gone()

    assert reason_of(record) == "limit reached: cost 1.50 of 1.00 US dollars"
