"""Leaving the block of an orchestrator, in whatever way, leaves nobody (row O1, as a library)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator import (
    AgentLostError,
    AgentSpec,
    NotFoundError,
    ShuttingDownError,
    StopPolicy,
    open_orchestrator,
)
from tests.support.agents import spec
from tests.support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator import Agent
    from tests.support.liveness import Liveness

#: A test that leaves a process fails.
pytestmark = pytest.mark.usefixtures("nobody_below")


class _OwnError(Exception):
    """What a user of the library raises."""


async def test_o1_leaving_the_block_stops_every_agent(tmp_path: Path, liveness: Liveness) -> None:
    with anyio.fail_after(10):
        async with open_orchestrator(tmp_path) as orchestrator:
            agents = [
                await orchestrator.launch(spec(habit, liveness=liveness))
                for habit in ("has_children", "ignores_signals", "starts_daemon")
            ]
            await liveness.wait_here("leader", times=3)
            await liveness.wait_here("child", "session", "group", "daemon")

        await liveness.wait_gone()
        for agent in agents:
            assert (await agent.wait()).verdict == "terminated"


async def test_o1_an_exception_in_the_block_stops_every_agent_and_comes_out_as_it_is(
    tmp_path: Path, liveness: Liveness
) -> None:
    async def launch_and_fail() -> None:
        async with open_orchestrator(tmp_path) as orchestrator:
            await orchestrator.launch(spec("has_children", liveness=liveness))
            await liveness.wait_here("leader", "child", "session", "group")
            raise _OwnError

    with anyio.fail_after(10):
        with pytest.raises(_OwnError):
            await launch_and_fail()

        await liveness.wait_gone()


async def test_o1_a_cancelled_scope_outside_stops_every_agent_with_its_full_grace(
    tmp_path: Path, liveness: Liveness
) -> None:
    work = tmp_path / "work"
    launched: list[Agent] = []
    with anyio.fail_after(20):
        with anyio.CancelScope() as scope:
            async with open_orchestrator(tmp_path / "workspace") as orchestrator:
                saving = spec("saves_its_work", str(work), liveness=liveness)
                saving = saving.model_copy(update={"stop": StopPolicy(term_grace=15.0)})
                launched.append(await orchestrator.launch(saving))
                await liveness.wait_here("leader")
                scope.cancel()
                await anyio.sleep_forever()

        assert scope.cancelled_caught
        assert work.read_text() == "saved"
        await liveness.wait_gone()
        assert [(await agent.wait()).verdict for agent in launched] == ["terminated"]


async def test_o1_a_launch_that_is_cancelled_leaves_nobody(
    tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(10):
        async with open_orchestrator(tmp_path) as orchestrator:
            with anyio.CancelScope() as scope:
                scope.cancel()
                await orchestrator.launch(spec("has_children", liveness=liveness))

            assert scope.cancelled_caught
            await until(lambda: not orchestrator.agents)
            await liveness.wait_gone()
            assert orchestrator.registry.agents.find(live=True) == []


async def test_o1_what_is_not_done_in_time_is_carried_through_by_its_keeper(
    tmp_path: Path, liveness: Liveness
) -> None:
    work = tmp_path / "work"
    # It takes so long that it is still at it when the block has been left.
    saving = spec("saves_its_work", str(work), "4", liveness=liveness)
    saving = saving.model_copy(update={"stop": StopPolicy(term_grace=15.0)})
    workspace = tmp_path / "workspace"
    with anyio.fail_after(20):
        async with open_orchestrator(workspace, shutdown_timeout=0.0) as orchestrator:
            agent = await orchestrator.launch(saving)
            await liveness.wait_here("leader")

        assert [guest.word for guest in liveness.here()] == ["leader"]
        with pytest.raises(AgentLostError):
            await agent.wait()

        await liveness.wait_gone()
        assert work.read_text() == "saved"
        async with open_orchestrator(workspace) as orchestrator:
            registry = orchestrator.registry
            await until(lambda: not registry.agents.find(live=True))
            (record,) = registry.agents.find()

    assert record.state.kind == "exited"
    assert record.state.outcome.verdict == "terminated"


async def test_nothing_is_launched_once_a_shutdown_has_begun(tmp_path: Path) -> None:
    with anyio.fail_after(10):
        async with open_orchestrator(tmp_path) as orchestrator:
            orchestrator.begin_shutdown("the test says so")
            orchestrator.begin_shutdown("twice")
            with pytest.raises(ShuttingDownError, match="the test says so"):
                await orchestrator.launch(AgentSpec(argv=("/bin/true",)))

            assert orchestrator.registry.agents.find() == []
            run = orchestrator.registry.orchestrators.find(orchestrator.id)

    assert run is not None
    assert run.shutdown_reason == "the test says so"


async def test_o9_a_child_agent_runs_on_when_its_parent_agent_ends(
    tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(10):
        async with open_orchestrator(tmp_path) as orchestrator:
            parent = await orchestrator.launch(spec("waits", liveness=liveness))
            await liveness.wait_here("leader")
            below = spec("has_children", liveness=liveness)
            child = await orchestrator.launch(below.model_copy(update={"parent": parent.id}))
            await liveness.wait_here("leader", times=2)
            await liveness.wait_here("child", "session", "group")
            await parent.stop("the middle one ends")
            await until(lambda: len(liveness.here()) == 4)

            assert child.record.state.kind == "running"
            assert child.record.parent == parent.id
            assert child.record.depth == 2
            assert [r.id for r in orchestrator.registry.agents.descendants(parent.id)] == [child.id]
            assert (await child.stop()).verdict == "terminated"

        await liveness.wait_gone()


async def test_an_agent_that_has_ended_has_no_handle_any_more(tmp_path: Path) -> None:
    with anyio.fail_after(10):
        async with open_orchestrator(tmp_path) as orchestrator:
            agent = await orchestrator.launch(AgentSpec(argv=("/bin/sleep", "60")))
            assert orchestrator.agent(agent.id) is agent
            await agent.stop()
            with pytest.raises(NotFoundError):
                orchestrator.agent(agent.id)

            with pytest.raises(NotFoundError):
                await orchestrator.stop(type(agent.id)("nobody"), reason="enough")
