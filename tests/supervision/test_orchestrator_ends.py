"""However a child orchestrator ends, nobody is left, and the next one knows (O1, O3, O4, O7)."""

from __future__ import annotations

import signal
from itertools import combinations
from typing import TYPE_CHECKING, Final

import anyio
import pytest

from orchestrator import ExitedWithCode, open_orchestrator
from orchestrator.model import AgentId, AgentRecord
from tests.support.agents import PATIENT, spec
from tests.support.orchestrators import ChildOrchestrator, open_child
from tests.support.signals import kill_at_once
from tests.support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.liveness import Liveness

#: A test that leaves a process fails.
pytestmark = pytest.mark.usefixtures("nobody_below")


async def _records_of_the_next(workspace: Path) -> list[AgentRecord]:
    """What the next orchestrator of the workspace finds out."""
    async with open_orchestrator(workspace) as orchestrator:
        registry = orchestrator.registry
        await until(lambda: not registry.agents.find(live=True))
        await until(lambda: len(registry.orchestrators.all(open_only=True)) == 1)
        return registry.agents.find()


async def _launch_all(child: ChildOrchestrator, liveness: Liveness) -> list[dict[str, object]]:
    records = [
        await child.launch(spec("has_children", liveness=liveness)),
        await child.launch(spec("ignores_signals", liveness=liveness)),
        await child.launch(spec("starts_daemon", liveness=liveness)),
    ]
    await liveness.wait_here("leader", times=3)
    await liveness.wait_here("child", "session", "group", "daemon")
    return records


@pytest.mark.parametrize("how", ["input", "leave", "SIGTERM", "SIGHUP"])
async def test_o1_all_agents_are_gone_when_the_block_is_left(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, how: str
) -> None:
    with anyio.fail_after(60):
        async with open_child(tmp_path, anyio_backend) as child:
            await _launch_all(child, liveness)
            if how == "input":
                await child.close_input()
            elif how == "leave":
                await child.order("leave")
            else:
                child.signal(signal.Signals[how])

            assert await child.hear() == {"left": True}
            assert liveness.here() == [], "the block ended before its agents had"
            assert await child.wait() == 0

        async with open_orchestrator(tmp_path) as orchestrator:
            assert orchestrator.registry.agents.find(live=True) == []
            (run,) = [
                run for run in orchestrator.registry.orchestrators.all() if run.pid == child.pid
            ]
            assert run.shutdown_done_at is not None
            for record in orchestrator.registry.agents.find():
                assert record.state.kind == "exited"
                assert record.state.outcome.verdict == "terminated"


async def test_o1_an_interrupt_from_the_keyboard_leaves_nobody(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(60):
        async with open_child(tmp_path, anyio_backend, quiet=True) as child:
            await _launch_all(child, liveness)
            child.signal(signal.SIGINT)
            assert await child.wait() != 0
            assert liveness.here() == [], "the block ended before its agents had"


async def test_o4_an_exception_in_the_block_leaves_nobody(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(60):
        async with open_child(tmp_path, anyio_backend, quiet=True) as child:
            await _launch_all(child, liveness)
            await child.order("raise")
            assert await child.wait() == 1
            assert liveness.here() == [], "the block ended before its agents had"


@pytest.mark.parametrize("how", ["SIGKILL", "exit", "segfault"])
async def test_o4_an_end_without_clean_up_leaves_nobody_and_the_next_one_knows(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, how: str
) -> None:
    with anyio.fail_after(60):
        async with open_child(tmp_path, anyio_backend, quiet=True) as child:
            await _launch_all(child, liveness)
            match how:
                case "SIGKILL":
                    child.signal(signal.SIGKILL)
                    status = -signal.SIGKILL
                case "exit":
                    await child.order("exit", status=23)
                    status = 23
                case _:
                    await child.order("segfault")
                    status = -signal.SIGSEGV

            assert await child.wait() == status
            await liveness.wait_gone()

        records = await _records_of_the_next(tmp_path)
        assert len(records) == 3
        for record in records:
            assert record.state.kind == "exited"
            assert record.state.outcome.verdict == "terminated"
            assert record.state.outcome.receipt is not None
            assert record.state.outcome.receipt.reason == "its orchestrator is gone"


async def test_o3_an_agent_saves_its_work_though_its_orchestrator_was_killed(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    work = tmp_path / "work"
    saving = spec("saves_its_work", str(work), liveness=liveness)
    with anyio.fail_after(60):
        async with open_child(tmp_path / "workspace", anyio_backend) as child:
            await child.launch(saving.model_copy(update={"stop": PATIENT}))
            await liveness.wait_here("leader")
            child.signal(signal.SIGKILL)
            # The next one starts while the keeper is still at it, and waits for it.
            (record,) = await _records_of_the_next(tmp_path / "workspace")

    assert work.read_text() == "saved"
    assert record.state.kind == "exited"
    assert record.state.outcome.exit == ExitedWithCode(code=0)


LAUNCH_POINTS: Final = [
    "agents.add:before",
    "agents.add:after",
    "launcher.launch:before",
    "launcher.launch:after",
    "set_state:running:before",
    "set_state:running:after",
]
STOP_POINTS: Final = [
    "set_state:stopping:before",
    "set_state:stopping:after",
    "set_state:exited:before",
    "set_state:exited:after",
    "runs.begin_shutdown:before",
    "runs.finish_shutdown:before",
]


@pytest.mark.parametrize("point", LAUNCH_POINTS)
async def test_o3_a_kill_at_every_point_of_a_launch_leaves_nobody_and_nothing_open(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, point: str
) -> None:
    with anyio.fail_after(60):
        async with open_child(tmp_path, anyio_backend, die_at=point) as child:
            asked = spec("has_children", liveness=liveness)
            await child.order("launch", spec=asked.model_dump(mode="json"))
            assert await child.wait() == -signal.SIGKILL

        records = await _records_of_the_next(tmp_path)
        await liveness.wait_gone()

    assert len(records) == (0 if point == "agents.add:before" else 1)
    for record in records:
        assert record.state.kind == ("lost" if point in LAUNCH_POINTS[1:3] else "exited")


@pytest.mark.parametrize("point", STOP_POINTS)
async def test_o3_a_kill_at_every_point_of_a_stop_leaves_nobody_and_every_end_known(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, point: str
) -> None:
    with anyio.fail_after(60):
        async with open_child(tmp_path, anyio_backend, die_at=point) as child:
            record = await child.launch(spec("has_children", liveness=liveness))
            await liveness.wait_here("leader", "child", "session", "group")
            if "shutdown" in point:
                await child.order("leave")
            else:
                await child.order("stop", id=record["id"], reason="enough")

            assert await child.wait() == -signal.SIGKILL
            await liveness.wait_gone()

        (found,) = await _records_of_the_next(tmp_path)

    assert found.state.kind == "exited"
    assert found.state.outcome.verdict == "terminated"


PARTIES: Final = ("orchestrator", "nursery", "keeper")


@pytest.mark.parametrize(
    "killed",
    [subset for size in (1, 2, 3) for subset in combinations(PARTIES, size)],
    ids="+".join,
)
async def test_o7_whichever_of_orchestrator_nursery_and_keeper_are_killed_nobody_is_left(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, killed: tuple[str, ...]
) -> None:
    with anyio.fail_after(30):
        async with open_child(tmp_path, anyio_backend) as child:
            answer = await child.launch(spec("starts_daemon", liveness=liveness))
            await liveness.wait_here("leader", "daemon")
            agent = AgentRecord.model_validate(answer)
            assert agent.state.kind == "running"
            pids = {
                "orchestrator": child.pid,
                "nursery": child.nursery,
                "keeper": agent.state.keeper.pid,
            }
            kill_at_once(pids[party] for party in killed)
            if killed == ("nursery",):
                # Its keepers live on, and a new nursery takes what comes.
                again = await child.launch(spec("waits", liveness=liveness))
                await liveness.wait_here("leader", times=2)
                await child.ask("stop", id=again["id"], reason="enough")
                await child.ask("stop", id=agent.id, reason="enough")
            elif "orchestrator" not in killed:
                answer = await child.ask("wait", id=agent.id)
                assert AgentRecord.model_validate(answer).state.kind == "lost"

            if len(killed) < 3:
                await liveness.wait_gone()

            if "orchestrator" not in killed:
                await child.close_input()
                assert await child.wait() == 0

        records = {record.id: record for record in await _records_of_the_next(tmp_path)}
        await liveness.wait_gone()

    state = records[AgentId(agent.id)].state
    if "keeper" not in killed:
        assert state.kind == "exited"
        return

    assert state.kind == "lost"
    swept = {note.pid for note in state.swept}
    # What the nursery sweeps for a dead orchestrator is gone, with nobody there to note it.
    expected = set[int]() if killed == ("orchestrator", "keeper") else {liveness.pid("daemon")}
    assert expected <= swept


async def test_o7_a_living_orchestrator_settles_the_agents_of_one_that_was_killed_meanwhile(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(60):
        async with (
            open_orchestrator(tmp_path) as orchestrator,
            open_child(tmp_path, anyio_backend) as child,
        ):
            answer = await child.launch(spec("has_children", liveness=liveness))
            await liveness.wait_here("leader", "child", "session", "group")
            child.signal(signal.SIGKILL)
            await child.wait()
            record = await orchestrator.stop(answer["id"], reason="enough")

        await liveness.wait_gone()

    assert record.state.kind == "exited"
    assert record.state.outcome.verdict == "terminated"
