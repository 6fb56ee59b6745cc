"""O10: without a free descriptor or process a launch says so, and the next one works."""

from __future__ import annotations

import os
import resource
import signal
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import pytest

from orchestrator import KilledBySignal
from orchestrator.model import AgentRecord
from orchestrator.process import kernel, tree
from orchestrator.registry import Registry
from tests.support.agents import spec
from tests.support.durable import LONG, durable, outcome_of
from tests.support.liveness import Liveness, open_liveness
from tests.support.mcp_server import World, open_server
from tests.support.orchestrators import ChildOrchestrator, open_child
from tests.support.waiting import until, wait_nobody_below

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from orchestrator import AgentSpec

pytestmark = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="limits of another process are set by prlimit (Linux)"
)

#: How many of what is missing there are, one more at each try: enough for a launch in the end.
ROOM: Final = 12

PIDS: Final = Path("/sys/fs/cgroup/pids")


@pytest.fixture
async def liveness(anyio_backend: str) -> AsyncGenerator[Liveness]:
    """Where agents say hello; in the end nobody may be left below this process."""
    kernel.become_subreaper()
    before = tree.children(os.getpid())
    async with open_liveness() as liveness:
        yield liveness

    await wait_nobody_below(before)


@contextmanager
def descriptors(pid: int, number: int) -> Generator[None]:
    """Let a process have so many descriptors, for the length of the block."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (number, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def open_now(pid: int) -> int:
    """How many descriptors a process has."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def check(child: ChildOrchestrator, workspace: Path, known: list[str]) -> None:
    """Nothing is half started: who is on record runs, and nobody else is there."""
    with Registry.open(workspace) as registry:
        records = registry.agents.find()

    assert [record.id for record in records] == known
    assert {record.state.kind for record in records} == {"running"}
    await until(lambda: len(tree.children(child.nursery)) == len(known), seconds=LONG)


async def try_with_more_and_more(
    child: ChildOrchestrator,
    workspace: Path,
    liveness: Liveness,
    habit: str,
    limited: Callable[[int], AbstractContextManager[None]],
) -> list[str]:
    """Launch while there is room for nothing, and with a little more each time.

    Args:
        child: What launches.
        workspace: Its workspace.
        liveness: Where its agents say hello.
        habit: Theirs.
        limited: Limits the room for the length of a block.

    Returns:
        What was said of each launch that was refused.
    """
    asked = of(habit, liveness)
    known = [(await child.launch(asked[0]))["id"]]
    complaints: list[str] = []
    for room in range(ROOM):
        with limited(room):
            answer = await child.ask("try", spec=asked[room % 2].model_dump(mode="json"))

        if "error" in answer:
            complaints.append(f"{answer['error']}: {answer['said']}")
        else:
            known.append(answer["id"])

        await check(child, workspace, known)

    known.append((await child.launch(asked[0]))["id"])
    await check(child, workspace, known)
    last = "group" if habit == "has_children" else "leader"
    await liveness.wait_here(last, times=len(known))
    await child.ask("stop_all", ids=known, reason="enough")
    with Registry.open(workspace) as registry:
        receipts = [outcome_of(record).receipt for record in registry.agents.find()]

    assert all(receipt is not None and not receipt.survivors for receipt in receipts)
    return complaints


def of(habit: str, liveness: Liveness) -> list[AgentSpec]:
    """A bound and a durable one."""
    return [spec(habit, liveness=liveness), durable(habit, liveness=liveness)]


async def test_without_a_descriptor_an_orchestrator_says_so_and_sees_ends_and_stops_agents(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    def limited(room: int) -> AbstractContextManager[None]:
        return descriptors(child.pid, open_now(child.pid) + room)

    with anyio.fail_after(60):
        async with open_child(tmp_path, anyio_backend, quiet=True) as child:
            said = await try_with_more_and_more(child, tmp_path, liveness, "waits", limited)
            assert said
            assert all("Too many open files" in each for each in said), said

            first, second = [
                AgentRecord.model_validate(await child.launch(asked))
                for asked in of("waits", liveness)
            ]
            with limited(0):
                assert first.pid is not None
                os.kill(first.pid, signal.SIGKILL)
                ended = AgentRecord.model_validate(await child.ask("wait", id=first.id))
                assert outcome_of(ended).exit == KilledBySignal(signal=signal.SIGKILL)
                await child.ask("stop", id=second.id, reason="enough")
                # A nursery cannot follow the one that dies now.
                os.kill(child.nursery, signal.SIGKILL)
                answer = await child.ask("try", spec=spec("waits").model_dump(mode="json"))
                assert answer["error"] in {"LaunchError", "NurseryError"}
                assert "Too many open files" in answer["said"]

            again = await child.launch(spec("waits", liveness=liveness))
            await child.ask("stop", id=again["id"], reason="enough")

        await liveness.wait_gone()


async def test_without_a_descriptor_in_nursery_and_keeper_nothing_is_half_started(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    def limited(room: int) -> AbstractContextManager[None]:
        return descriptors(child.nursery, open_now(child.nursery) + room)

    with anyio.fail_after(60):
        async with open_child(tmp_path, anyio_backend, quiet=True) as child:
            # Their keepers keep the limit, and take down all of them nevertheless.
            said = await try_with_more_and_more(child, tmp_path, liveness, "has_children", limited)
            # With what is left the keeper says it, or it is in the log.
            clear = [each for each in said if "Too many open files" in each]
            assert clear
            assert all("orchestrator.log" in each for each in said if each not in clear), said

        await liveness.wait_gone()


def test_without_a_descriptor_a_server_answers_and_goes_on(world: World, backend: str) -> None:
    with open_server(world, backend) as server:
        task = server.create_task()
        wanted = {"task_id": task, "agent_type": "w", "prompt": "[[fake sleep=100]]"}
        with descriptors(server.process.pid, open_now(server.process.pid)):
            answer = server.call("deploy_headless_agent", **wanted)
            assert answer["success"] is False
            assert "Too many open files" in answer["error"]
            assert server.rows(task) == {}

        agent = server.deploy(task, "sleep=100")
        world.roster.wait_agent(agent)
        assert list(server.rows(task)) == [agent]


@contextmanager
def processes(group: Path, room: int) -> Generator[None]:
    """Let a group have so many more processes, for the length of the block."""
    there = int((group / "pids.current").read_text())
    (group / "pids.max").write_text(str(there + room))
    try:
        yield
    finally:
        (group / "pids.max").write_text("max")


@pytest.fixture
def group() -> Generator[Path]:
    """A group in which the number of processes can be limited."""
    folder = PIDS / f"orchestrator-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no group can be made at {PIDS}, which takes root and cgroup v1: {error}")

    yield folder
    folder.rmdir()


async def test_without_a_process_a_launch_says_so_and_the_next_one_works(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, group: Path
) -> None:
    def limited(room: int) -> AbstractContextManager[None]:
        return processes(group, room)

    with anyio.fail_after(60):
        async with open_child(tmp_path, anyio_backend, quiet=True) as child:
            (group / "cgroup.procs").write_text(str(child.nursery))
            said = await try_with_more_and_more(child, tmp_path, liveness, "waits", limited)
            # One process is the keeper, and one the agent.
            assert len(said) == 2
            assert all("Resource temporarily unavailable" in each for each in said), said
            await child.close_input()
            await child.wait()

        await until(lambda: not (group / "cgroup.procs").read_text(), seconds=LONG)
