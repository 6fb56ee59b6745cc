"""Adoption cut off at every point, of agents in every state, and again and again (O3, O5)."""

from __future__ import annotations

import os
import signal
import threading
from itertools import cycle
from typing import TYPE_CHECKING, Final

import anyio
import pytest

from orchestrator import AgentSpec, open_orchestrator
from orchestrator.model import AgentRecord
from orchestrator.process import identity, tree
from tests.support.agents import PATIENT
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
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.support.liveness import Liveness

#: A test that leaves a process fails.
pytestmark = pytest.mark.usefixtures("nobody_below")

LAUNCH_POINTS: Final = (
    "agents.add:after",
    "launcher.launch:before",
    "launcher.launch:after",
    "set_state:running:before",
    "set_state:running:after",
)
ADOPTION_POINTS: Final = (
    "agents.adopt:before",
    "agents.adopt:after",
    "set_state:frozen:before",
    "set_state:frozen:after",
)
STOP_POINTS: Final = (
    "set_state:stopping:before",
    "set_state:stopping:after",
    "set_state:exited:before",
)


def with_backends(points: Iterable[str]) -> list[tuple[str, str]]:
    """Give each point a backend, in turn."""
    return list(zip(cycle(("asyncio", "trio")), points, strict=False))


@pytest.mark.parametrize(("anyio_backend", "point"), with_backends(LAUNCH_POINTS))
async def test_o3_a_kill_in_the_launch_of_a_durable_agent_ends_it_as_a_bound_one(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, point: str
) -> None:
    asked = durable("has_children", liveness=liveness)
    with anyio.fail_after(30):
        async with open_child(tmp_path, anyio_backend, die_at=point) as child:
            await child.order("launch", spec=asked.model_dump(mode="json"))
            assert await child.wait() == -signal.SIGKILL

        async with open_orchestrator(tmp_path) as orchestrator:
            (record,) = orchestrator.registry.agents.find()
            record = await wait_recorded(orchestrator, record.id)
            assert orchestrator.agents == ()

        await liveness.wait_gone()

    assert record.durable
    assert record.state.kind == ("lost" if point in LAUNCH_POINTS[:2] else "exited")


@pytest.mark.parametrize(("anyio_backend", "point"), with_backends(ADOPTION_POINTS))
async def test_o3_a_kill_at_every_point_of_an_adoption_leaves_it_to_the_next(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, point: str
) -> None:
    with anyio.fail_after(30):
        (before,) = await leave(tmp_path, anyio_backend, durable("has_children", liveness=liveness))
        await liveness.wait_here("child", "session", "group")
        # It stands still when it is adopted, and nobody has recorded that.
        identity.send(keeper_of(before), signal.SIGUSR1)
        async with open_child(tmp_path, anyio_backend, die_at=point) as child:
            assert await child.wait() == -signal.SIGKILL

        async with open_orchestrator(tmp_path) as orchestrator:
            agent = await wait_adopted(orchestrator, before.id)
            await until(lambda: agent.record.state.kind == "frozen")
            await agent.thaw()
            assert agent.record.state == before.state
            assert len(liveness.here()) == 4
            outcome = await agent.stop("enough", policy=PATIENT)
            await liveness.wait_gone()

    assert outcome.receipt is not None
    assert outcome.receipt.killed == ()


@pytest.mark.parametrize(("anyio_backend", "point"), with_backends(STOP_POINTS))
async def test_o3_a_kill_at_every_point_of_a_stop_does_not_revive_a_durable_agent(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, point: str
) -> None:
    saving = durable("saves_its_work", str(tmp_path / "work"), liveness=liveness, stop=PATIENT)
    with anyio.fail_after(30):
        async with open_child(tmp_path / "workspace", anyio_backend, die_at=point) as child:
            launched = await child.launch(saving)
            await liveness.wait_here("leader")
            await child.order("stop", id=launched["id"], reason="enough")
            assert await child.wait() == -signal.SIGKILL

        async with open_orchestrator(tmp_path / "workspace") as orchestrator:
            record = await wait_recorded(orchestrator, launched["id"])

        await liveness.wait_gone()

    assert (tmp_path / "work").read_text() == "saved"
    assert outcome_of(record).verdict == "terminated"
    assert reason_of(record) == "enough"


async def test_o5_an_agent_in_the_sweep_after_its_own_end_is_adopted_as_such(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, caplog: pytest.LogCaptureFixture
) -> None:
    # What it leaves behind has 20 s to follow it, which it does not do.
    asked = durable("leaves_its_stdout_held", liveness=liveness, stop=PATIENT)
    with anyio.fail_after(30):
        async with open_child(tmp_path, anyio_backend) as child:
            launched = AgentRecord.model_validate(await child.launch(asked))
            ended = AgentRecord.model_validate(await child.ask("wait_exited", id=launched.id))
            assert ended.state.kind == "stopping"
            child.signal(signal.SIGKILL)
            await child.wait()

        async with open_orchestrator(tmp_path) as orchestrator:
            agent = await wait_adopted(orchestrator, launched.id)
            await agent.wait_exited()
            assert agent.record.state == ended.state
            assert [guest.word for guest in liveness.here()] == ["holder"]
            outcome = await agent.stop("swept", kill=True)

        await liveness.wait_gone()

    assert outcome.exit.model_dump() == {"kind": "code", "code": 6}
    assert [note.pid for note in outcome.left_behind] == [liveness.pid("holder")]
    assert "cannot record" not in caplog.text


def held() -> int:
    """How many descriptors and threads this process has."""
    return len(os.listdir("/proc/self/fd")) + threading.active_count()  # noqa: PTH208


@pytest.mark.skipif(not tree.HAS_PROC, reason="descriptors are counted in /proc")
async def test_o5_fifty_adoptions_cost_fifty_descriptors_and_in_the_end_none(
    anyio_backend: str, tmp_path: Path
) -> None:
    asked = AgentSpec(argv=("/bin/sleep", "40"), durable=True)
    some = 10  # for what does not depend on how many there are
    with anyio.fail_after(60):
        async with open_orchestrator(tmp_path) as orchestrator:
            before = held()
            async with open_child(tmp_path, anyio_backend) as child:
                answer = await child.ask("storm", spec=asked.model_dump(mode="json"), launches=50)
                child.signal(signal.SIGKILL)

            for agent_id in answer["launched"]:
                await wait_adopted(orchestrator, agent_id)

            assert len(orchestrator.agents) == len(answer["launched"]) == 50
            assert held() < before + 50 + some
            async with anyio.create_task_group() as group:
                for agent in orchestrator.agents:
                    group.start_soon(agent.stop)

            await until(lambda: held() < before + some, seconds=LONG)
