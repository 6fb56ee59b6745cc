"""R1: the disk is full while agents run: they stay under control, and nothing known is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from orchestrator.registry.registry import FILE, FOLDER
from tests.support.agents import spec
from tests.support.evidence import ask_until
from tests.support.liveness import open_liveness
from tests.support.mcp_server import SERVER, ends, open_server
from tests.support.waiting import until

from .hardy import open_hardy
from .small_disk import open_small_disk

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterator
    from pathlib import Path

    from tests.support.liveness import Liveness
    from tests.support.mcp_server import World
    from tests.support.orchestrators import ChildOrchestrator

    from .small_disk import SmallDisk

#: Holds a snapshot of a database, so that its log cannot be used again from the beginning.
_READER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM agents").fetchall()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
async def liveness(anyio_backend: str) -> AsyncGenerator[Liveness]:
    """Where agents say hello."""
    async with open_liveness() as liveness:
        yield liveness


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A file system of 512 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with open_small_disk(folder, "size=512k") as disk:
        yield disk


@contextmanager
def reader_of(disk: SmallDisk, path: Path) -> Generator[None]:
    """Let somebody read the registry for the length of the block."""
    argv = [*disk.enter, sys.executable, "-c", _READER, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
        yield
        reader.kill()


async def launch(child: ChildOrchestrator, liveness: Liveness, number: int) -> list[str]:
    """Launch so many agents."""
    ids = [
        (await child.launch(spec("has_children", liveness=liveness)))["id"] for _ in range(number)
    ]
    await liveness.wait_here("leader", times=number)
    return ids


async def wait_known(child: ChildOrchestrator, wanted: dict[str, str]) -> None:
    """Wait until the registry knows exactly this."""

    async def known() -> bool:
        return await child.ask("known") == wanted

    await ask_until(known, f"{wanted} on record")


async def test_r1_agents_are_stopped_on_a_full_disk_and_that_is_recorded_when_there_is_room(
    anyio_backend: str, tmp_path: Path, disk: SmallDisk, liveness: Liveness
) -> None:
    workspace, log = disk.inside / "workspace", tmp_path / "log"
    with anyio.fail_after(60):
        async with open_hardy(workspace, anyio_backend, inside=disk.enter, log=log) as child:
            ids = await launch(child, liveness, 3)
            with reader_of(disk, workspace / FOLDER / FILE):
                disk.fill()
                for agent_id in ids[:2]:
                    stopped = await child.ask("stop", id=agent_id, reason="the disk is full")
                    assert stopped["state"]["outcome"]["verdict"] == "terminated"
                    assert stopped["state"]["outcome"]["receipt"]["reason"] == "the disk is full"

                known = await child.ask("known")
                assert "exited" not in known.values(), "the disk was not full"

            said = log.read_text()
            assert said.count("cannot record") == 1, "it is said once, and aloud"
            assert "make room on the disk" in said

            disk.make_room()
            await wait_known(child, {ids[0]: "exited", ids[1]: "exited", ids[2]: "running"})
            assert "recorded what had waited of 2 agents" in log.read_text()

            late = (await child.launch(spec("waits", liveness=liveness)))["id"]
            await child.order("leave")
            assert await child.hear() == {"left": True}

    assert ends(disk.next_start(workspace)) == dict.fromkeys([*ids, late], "terminated")


async def test_r1_the_log_of_the_registry_is_room_enough_for_some_changes(
    anyio_backend: str, tmp_path: Path, disk: SmallDisk, liveness: Liveness
) -> None:
    workspace, log = disk.inside / "workspace", tmp_path / "log"
    with anyio.fail_after(60):
        async with open_hardy(workspace, anyio_backend, inside=disk.enter, log=log) as child:
            (agent_id,) = await launch(child, liveness, 1)
            disk.fill()
            await child.ask("stop", id=agent_id, reason="the disk is full")
            assert await child.ask("known") == {agent_id: "exited"}
            assert "cannot record" not in log.read_text()
            disk.make_room()


async def test_r1_a_launch_on_a_full_disk_is_refused_and_leaves_nothing(
    anyio_backend: str, disk: SmallDisk, liveness: Liveness
) -> None:
    workspace = disk.inside / "workspace"
    with anyio.fail_after(60):
        async with open_hardy(workspace, anyio_backend, inside=disk.enter) as child:
            (agent_id,) = await launch(child, liveness, 1)
            disk.fill()
            wanted = spec("waits", liveness=liveness)
            for _ in range(3):
                refused = await child.launch(wanted.model_copy(update={"prompt": "do " * 3000}))
                assert refused["error"] in {"RegistryError", "LaunchError"}
                assert "No space left" in refused["said"] or "make room" in refused["said"]

            disk.make_room()
            await wait_known(child, {agent_id: "running"})
            files = {each.name for each in (disk.outside / "workspace/agents").rglob("*.*")}
            assert files <= {"prompt.txt", "stdout.log", "stderr.log", "outcome.json.part"}
            prompts = list((disk.outside / "workspace/agents").glob("*/prompt.txt"))
            assert [each.parent.name for each in prompts] == [agent_id]
            leaders = [guest for guest in liveness.guests if guest.word == "leader"]
            assert len(leaders) == 1, "a refused one was started"

            launched = await child.launch(wanted)
            assert launched["state"]["kind"] == "running"


async def test_r1_after_a_kill_on_a_full_disk_the_next_start_knows_how_each_agent_ended(
    anyio_backend: str, disk: SmallDisk, liveness: Liveness
) -> None:
    workspace = disk.inside / "workspace"
    with anyio.fail_after(60):
        async with open_hardy(workspace, anyio_backend, inside=disk.enter) as child:
            ids = await launch(child, liveness, 3)
            disk.fill()
            await child.ask("stop", id=ids[0], reason="the disk is full")
            child.signal(signal.SIGKILL)
            await child.wait()
            await liveness.wait_gone()

        # Each keeper had reserved the room for its last word.
        agents = disk.outside / "workspace/agents"
        await until(lambda: len(list(agents.glob("*/outcome.json"))) == 3)
        disk.make_room()

    assert ends(disk.next_start(workspace)) == dict.fromkeys(ids, "terminated")


async def test_r1_an_orchestrator_lives_on_256_kb(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    """Nothing has to be filled: the registry's own log fills such a disk."""
    folder, log = tmp_path / "tiny", tmp_path / "log"
    folder.mkdir()
    with open_small_disk(folder, "size=256k") as disk, anyio.fail_after(60):
        workspace = disk.inside / "workspace"
        async with open_hardy(workspace, anyio_backend, inside=disk.enter, log=log) as child:
            answers: list[dict[str, Any]] = []
            while not answers or "error" not in answers[-1]:
                answers.append(await child.launch(spec("waits", liveness=liveness)))

            assert "make room" in answers[-1]["said"] or "No space left" in answers[-1]["said"]
            ids = [answer["id"] for answer in answers[:-1]]
            assert ids
            for agent_id in ids:
                stopped = await child.ask("stop", id=agent_id, reason="the disk is full")
                assert stopped["state"]["kind"] == "exited"

            await child.order("leave")
            assert await child.hear() == {"left": True}
            await liveness.wait_gone()


def test_r1_a_server_on_a_full_disk_answers_and_stops_its_agents(
    world: World, backend: str
) -> None:
    # it deploys nothing with less than 100 MB
    world.workspace.mkdir()
    with open_small_disk(world.workspace, "size=104m") as disk:
        with open_server(world, backend, program=(*disk.enter, *SERVER)) as server:
            task = server.create_task()
            agents = [server.deploy(task, "sleep=100 kids=1") for _ in range(2)]
            world.roster.wait_enrolled(4)
            disk.fill()

            both = {"task_id": task, "agent_id": agents[0]}
            killed = server.call("kill_real_agent", **both)
            assert (killed["session_killed"], killed["status"]) == (True, "terminated")
            refused = server.call(
                "deploy_headless_agent", task_id=task, agent_type="w", prompt="[[fake sleep=100]]"
            )
            assert refused["success"] is False
            assert server.rows(task)[agents[1]]["status"] == "running"
            assert "Traceback" not in (world.folder / "stderr").read_text()

            disk.make_room()
            server.end_input()
            assert server.wait() == 0

        world.roster.wait_nobody(within=10)
        known = ends(disk.next_start(world.workspace))
        assert known == dict.fromkeys(agents, "terminated")
