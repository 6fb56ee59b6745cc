"""Freezing: all of an agent stands still, whoever asks and whoever ends meanwhile (O3, O5, O7)."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import pytest

from orchestrator import AgentStateError, NotFoundError, Settings, open_orchestrator
from orchestrator.model import AgentId, AgentRecord, Frozen, Running, freeze
from orchestrator.process import identity, tree
from orchestrator.process.link import KeeperLink
from orchestrator.registry import Registry
from orchestrator.supervision import Agent, freeze_anywhere, thaw_anywhere
from orchestrator.supervision.observer import Observer
from tests.registry.registry_records import NOW, RUNNING, later
from tests.registry.registry_records import agent as registered
from tests.support.agents import PATIENT, spec
from tests.support.durable import (
    LONG,
    durable,
    keeper_of,
    leave,
    outcome_of,
    reason_of,
    wait_adopted,
    wait_recorded,
)
from tests.support.orchestrators import open_child
from tests.support.signals import kill_at_once
from tests.support.waiting import until

if TYPE_CHECKING:
    from orchestrator import Supervisor
    from tests.support.liveness import Liveness

#: A test that leaves a process fails.
pytestmark = [
    pytest.mark.usefixtures("nobody_below"),
    pytest.mark.skipif(not tree.HAS_PROC, reason="who stands still is read in /proc"),
]

STOPPED: Final = frozenset("Tt")


def still(record: AgentRecord, liveness: Liveness) -> bool:
    """Whether every process of an agent stands still, by the kernel's word.

    It is waited for: on a busy machine that may come later than a keeper waits for it.
    """
    assert isinstance(record.state, Frozen), record.state
    if record.state.cgroup is not None:
        return "frozen 1" in Path(record.state.cgroup, "cgroup.events").read_text()

    found = [tree.read(guest.pid) for guest in liveness.here()]
    return all(proc is not None and proc.state in STOPPED for proc in found)


def moving(record: AgentRecord, liveness: Liveness) -> bool:
    """Whether nobody of an agent stands still any more."""
    assert isinstance(record.state, Running), record.state
    group = record.state.cgroup
    if group is not None and "frozen 0" not in Path(group, "cgroup.events").read_text():
        return False

    found = [tree.read(guest.pid) for guest in liveness.here()]
    return all(proc is not None and proc.state not in STOPPED for proc in found)


async def wait_family(liveness: Liveness) -> None:
    """Wait until ``has_children`` is there."""
    await liveness.wait_here("leader", "child", "session", "group")


@pytest.mark.parametrize("cgroups", ["auto", "never"])
async def test_all_of_an_agent_stands_still_and_goes_on(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, cgroups: str
) -> None:
    settings = Settings.read({"ORCHESTRATOR_CGROUPS": cgroups}, workspace=tmp_path)
    with anyio.fail_after(20):
        async with open_orchestrator(settings=settings) as orchestrator:
            agent = await orchestrator.launch(spec("has_children", liveness=liveness))
            await wait_family(liveness)
            before = agent.record.state
            for _ in range(2):
                await agent.freeze()
                await until(lambda: still(agent.record, liveness))

            assert orchestrator.registry.agents.get(agent.id).state == agent.record.state
            for _ in range(2):
                await agent.thaw()
                assert agent.record.state == before

            await until(lambda: moving(agent.record, liveness))
            await agent.freeze()
            assert (await agent.stop("enough")).verdict == "terminated"
            assert liveness.here() == []


async def test_a_frozen_agent_has_its_full_grace_in_a_stop_and_in_the_end_of_its_orchestrator(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    works = [tmp_path / name for name in ("stopped", "left")]
    with anyio.fail_after(20):
        async with open_orchestrator(tmp_path / "workspace") as orchestrator:
            agents = [
                await orchestrator.launch(
                    spec("saves_its_work", str(work), "0.1", liveness=liveness).model_copy(
                        update={"stop": PATIENT}
                    )
                )
                for work in works
            ]
            await liveness.wait_here("leader", times=2)
            for agent in agents:
                await agent.freeze()

            await agents[0].stop("enough")

        assert [work.read_text() for work in works] == ["saved", "saved"]
        for agent in agents:
            receipt = (await agent.wait()).receipt
            assert receipt is not None
            assert receipt.killed == ()


async def test_who_is_not_there_or_has_ended_is_not_frozen(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(20):
        async with open_orchestrator(tmp_path) as orchestrator:
            agent = await orchestrator.launch(
                spec("ignores_signals", liveness=liveness).model_copy(update={"stop": PATIENT})
            )
            await liveness.wait_here("leader")
            agent.ask_to_stop("enough")
            await until(lambda: agent.record.state.kind == "stopping")
            with pytest.raises(AgentStateError, match="is stopping and cannot be frozen"):
                await agent.freeze()

            await agent.stop(kill=True)
            with pytest.raises(AgentStateError, match="is exited and cannot be made frozen"):
                await orchestrator.freeze(agent.id)

            with pytest.raises(NotFoundError):
                await orchestrator.thaw(AgentId("nobody"))


async def test_a_thaw_was_done_although_somebody_else_s_freeze_is_news_with_it(
    anyio_backend: str,
) -> None:
    record = registered(state=freeze(RUNNING, NOW))
    agent = Agent(record, Observer({}))
    ours, theirs = socket.socketpair()
    with theirs, KeeperLink(ours, None) as link, anyio.fail_after(5):
        agent.attach(link)
        async with anyio.create_task_group() as group:
            group.start_soon(agent.thaw)
            await anyio.wait_readable(theirs)
            # Both come in one read, so that nobody has a turn in between.
            for state in (RUNNING, freeze(RUNNING, later(1))):
                agent.update(record.model_copy(update={"state": state}))

    assert agent.record.state.kind == "frozen"


# ------------------------------------------------------------------------ from somewhere else
async def test_o8_another_orchestrator_freezes_and_thaws_and_both_know(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(30):
        async with (
            open_child(tmp_path, anyio_backend) as child,
            open_orchestrator(tmp_path) as other,
        ):
            launched = await child.launch(spec("has_children", liveness=liveness))
            await wait_family(liveness)
            frozen = await other.freeze(launched["id"])
            await until(lambda: still(frozen, liveness))
            assert (await child.ask("get", id=launched["id"])) == frozen.model_dump(mode="json")
            # Both at once, against each other: in the end what is on record is true.
            for _ in range(5):
                await child.order("thaw", id=launched["id"])
                await _try_to_freeze(other, launched["id"])
                await child.hear()

            thawed = await other.thaw(launched["id"])
            assert thawed.state.kind == "running"
            await until(lambda: moving(thawed, liveness))
            assert (await child.ask("get", id=launched["id"]))["state"]["kind"] == "running"
            assert outcome_of(await other.stop(launched["id"], reason="enough"))


async def _try_to_freeze(orchestrator: Supervisor, agent_id: str) -> None:
    try:
        await orchestrator.freeze(AgentId(agent_id))
    except AgentStateError:
        return


async def test_o5_without_an_orchestrator_an_agent_can_be_frozen_and_thawed(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(30):
        (before,) = await leave(tmp_path, anyio_backend, durable("has_children", liveness=liveness))
        await wait_family(liveness)
        with Registry.open(tmp_path) as registry:
            for _ in range(10):
                record = await freeze_anywhere(registry, before.id)
                assert (await thaw_anywhere(registry, before.id)).state == before.state

            await until(lambda: moving(before, liveness))
            record = await freeze_anywhere(registry, before.id)
            await until(lambda: still(record, liveness))
            await thaw_anywhere(registry, before.id)
            await until(lambda: moving(before, liveness))
            # It is frozen, and nobody has recorded that: thawing it works all the same.
            identity.send(keeper_of(before), signal.SIGUSR1)
            await until(lambda: not moving(before, liveness))
            assert (await thaw_anywhere(registry, before.id)).state == before.state
            await until(lambda: moving(before, liveness))
            await freeze_anywhere(registry, before.id)

        async with open_orchestrator(tmp_path) as orchestrator:
            agent = await wait_adopted(orchestrator, before.id)
            await until(lambda: still(agent.record, liveness))
            await agent.thaw()
            await agent.stop("enough")


# ------------------------------------------------------------------------ kill at every point
@pytest.mark.parametrize("lives_on", [False, True], ids=["bound", "durable"])
@pytest.mark.parametrize(
    ("anyio_backend", "point"),
    [
        ("asyncio", "set_state:frozen:before"),
        ("trio", "set_state:frozen:after"),
        ("trio", "set_state:running:before*2"),
        ("asyncio", "set_state:running:after*2"),
    ],
)
async def test_o3_a_kill_at_every_point_of_a_freeze_and_a_thaw_loses_nobody(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, point: str, *, lives_on: bool
) -> None:
    work, workspace = tmp_path / "work", tmp_path / "workspace"
    asked = durable(
        "saves_its_work", str(work), "0.1", liveness=liveness, stop=PATIENT, durable=lives_on
    )
    with anyio.fail_after(30):
        async with open_child(workspace, anyio_backend, die_at=point) as child:
            launched = AgentRecord.model_validate(await child.launch(asked))
            await liveness.wait_here("leader")
            await child.order("freeze", id=launched.id)
            await child.order("thaw", id=launched.id)
            assert await child.wait() == -signal.SIGKILL

        async with open_orchestrator(workspace) as orchestrator:
            if lives_on:
                agent = await wait_adopted(orchestrator, launched.id)
                if "frozen" in point:
                    await until(lambda: still(agent.record, liveness))
                    await agent.thaw()

                assert agent.record.state == launched.state
                await agent.stop("enough")

            record = await wait_recorded(orchestrator, launched.id)

        await liveness.wait_gone()

    assert work.read_text() == "saved"
    assert reason_of(record) == ("enough" if lives_on else "its orchestrator is gone")


@pytest.mark.parametrize("cgroups", ["auto", "never"])
@pytest.mark.parametrize("killed", ["keeper", "all"])
async def test_o7_whoever_is_killed_nobody_stays_frozen(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, killed: str, cgroups: str
) -> None:
    with anyio.fail_after(30):
        env = {"ORCHESTRATOR_CGROUPS": cgroups}
        async with open_child(tmp_path, anyio_backend, env=env) as child:
            asked = durable("has_children", liveness=liveness)
            launched = AgentRecord.model_validate(await child.launch(asked))
            await wait_family(liveness)
            await child.ask("freeze", id=launched.id)
            pids = [keeper_of(launched).pid]
            if killed == "all":
                pids = [child.pid, child.nursery, *pids]

            kill_at_once(pids)
            async with open_orchestrator(tmp_path) as orchestrator:
                record = await wait_recorded(orchestrator, launched.id)

        await until(lambda: liveness.here() == [], seconds=LONG)

    assert record.state.kind == "lost"
