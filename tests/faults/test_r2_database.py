"""R2: the database is damaged, lost or replaced under a running orchestrator, which goes on.

Its agents stay under control, and the file that takes the place of the lost one knows them all.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from orchestrator.registry import Registry, schema
from orchestrator.registry.registry import FILE, FOLDER
from tests.support.agents import spec
from tests.support.liveness import open_liveness
from tests.support.mcp_server import ends, next_start, open_server
from tests.support.waiting import until

from .hardy import open_hardy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from tests.support.liveness import Liveness
    from tests.support.mcp_server import World
    from tests.support.orchestrators import ChildOrchestrator


@pytest.fixture
async def liveness(anyio_backend: str) -> AsyncGenerator[Liveness]:
    """Where agents say hello."""
    async with open_liveness() as liveness:
        yield liveness


def checkpoint(path: Path) -> None:
    """Bring everything from the log into the file itself, so that damage to that is damage."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def overwrite_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xff" * 100)


def overwrite_all(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def truncate_to_nothing(path: Path) -> None:
    os.truncate(path, 0)


def truncate_to_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def delete(path: Path) -> None:
    path.unlink()


def delete_all(path: Path) -> None:
    for each in path.parent.glob(f"{FILE}*"):
        each.unlink()


def delete_what_belongs_to_it(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()


def replace_by_an_empty_database(path: Path) -> None:
    other = path.with_name("empty")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("VACUUM")

    other.rename(path)


def replace_by_a_registry_of_others(path: Path) -> None:
    with Registry.open(path.parent.parent / "others") as registry:
        other = registry.path

    other.rename(path)


DAMAGES = (
    overwrite_header,
    overwrite_all,
    truncate_to_nothing,
    truncate_to_half,
    delete,
    delete_all,
    delete_what_belongs_to_it,
    replace_by_an_empty_database,
    replace_by_a_registry_of_others,
)


async def launch_all(child: ChildOrchestrator, liveness: Liveness) -> list[str]:
    """Launch three agents; the last one has ended."""
    ids = [
        (await child.launch(spec("has_children", liveness=liveness)))["id"],
        (await child.launch(spec("ignores_signals", liveness=liveness)))["id"],
        (await child.launch(spec("waits", liveness=liveness)))["id"],
    ]
    await liveness.wait_here("leader", times=3)
    record = await child.ask("stop", id=ids[2], reason="enough")
    assert record["state"]["outcome"]["verdict"] == "terminated"
    return ids


def verdicts(workspace: Path) -> dict[str, str]:
    """Each agent's verdict, or its state when it has none, as the registry has it."""
    with Registry.open(workspace) as registry:
        return {
            record.id: record.state.outcome.verdict
            if record.state.kind == "exited"
            else record.state.kind
            for record in registry.agents.find()
        }


@pytest.mark.parametrize("damage", DAMAGES)
async def test_r2_agents_stay_under_control_and_on_record(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, damage: Callable[[Path], None]
) -> None:
    path = tmp_path / FOLDER / FILE
    with anyio.fail_after(60):
        async with open_hardy(tmp_path, anyio_backend) as child:
            ids = await launch_all(child, liveness)
            checkpoint(path)
            damage(path)

            late = await child.launch(spec("waits", liveness=liveness))
            assert late["state"]["kind"] == "running"
            stopped = await child.ask("stop", id=ids[0], reason="after the damage")
            assert stopped["state"]["outcome"]["verdict"] == "terminated"
            assert await child.ask("known") == {
                ids[0]: "exited",
                ids[1]: "running",
                ids[2]: "exited",
                late["id"]: "running",
            }
            await child.order("leave")
            assert await child.hear() == {"left": True}
            assert await child.wait() == 0
            await liveness.wait_gone()

    assert verdicts(tmp_path) == dict.fromkeys([*ids, late["id"]], "terminated")


async def test_r2_two_orchestrators_end_up_in_one_file(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    path = tmp_path / FOLDER / FILE
    with anyio.fail_after(60):
        async with (
            open_hardy(tmp_path, anyio_backend) as one,
            open_hardy(tmp_path, anyio_backend) as two,
        ):
            ids = [
                (await each.launch(spec("waits", liveness=liveness)))["id"] for each in (one, two)
            ]
            await liveness.wait_here("leader", times=2)
            checkpoint(path)
            overwrite_all(path)
            more = spec("waits", liveness=liveness).model_dump(mode="json")
            for each in (one, two):
                await each.order("launch", spec=more)

            ids += [(await each.hear())["id"] for each in (one, two)]
            running = dict.fromkeys(ids, "running")
            # what one of them has brought in later, the other one sees
            for each in (one, two, one):
                known = await each.ask("known")

            assert known == running
            stopped = await one.ask("stop", id=ids[1], reason="by the other one")
            assert stopped["state"]["outcome"]["verdict"] == "terminated"
            for each in (one, two):
                await each.order("leave")
                assert await each.hear() == {"left": True}

    assert verdicts(tmp_path) == dict.fromkeys(ids, "terminated")


async def test_r2_beside_the_file_of_a_newer_version_agents_stay_under_control(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    path = tmp_path / FOLDER / FILE
    newer = path.with_name("newer")
    with anyio.fail_after(60):
        async with open_hardy(tmp_path, anyio_backend) as child:
            ids = await launch_all(child, liveness)
            with closing(sqlite3.connect(newer)) as connection:
                connection.execute("CREATE TABLE theirs (a)")
                connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")

            content = newer.read_bytes()
            newer.rename(path)

            refused = await child.launch(spec("waits", liveness=liveness))
            assert refused["error"] == "RegistryError"
            assert "written by a newer version" in refused["said"]
            stopped = await child.ask("stop", id=ids[0], reason="beside a newer version")
            assert stopped["state"]["outcome"]["verdict"] == "terminated"
            assert path.read_bytes() == content, "it was not left as it is"

            # they move it away: then all that waited is recorded
            path.rename(newer)
            known = {}
            while known != {ids[0]: "exited", ids[1]: "running", ids[2]: "exited"}:
                known = await child.ask("known")

            await child.order("leave")
            assert await child.hear() == {"left": True}

    assert verdicts(tmp_path) == dict.fromkeys(ids, "terminated")
    leaders = [guest for guest in liveness.guests if guest.word == "leader"]
    assert len(leaders) == 3, "the refused one was started"


async def test_r2_an_idle_orchestrator_puts_its_agents_into_a_file_that_others_have_made(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    path = tmp_path / FOLDER / FILE
    with anyio.fail_after(60):
        async with open_hardy(tmp_path, anyio_backend) as child:
            ids = await launch_all(child, liveness)
            checkpoint(path)
            overwrite_all(path)
            # as `orchestrator ps` does: it sets the damaged file aside, and knows of nobody
            with Registry.open(tmp_path) as registry:
                await until(lambda: len(registry.agents.find(live=True)) == 2, seconds=20)
                assert {each.id for each in registry.agents.find(live=True)} == set(ids[:2])

            await child.order("leave")
            assert await child.hear() == {"left": True}

    assert verdicts(tmp_path) == dict.fromkeys(ids, "terminated")


async def test_r2_shared_memory_that_is_cut_off_ends_the_orchestrator_and_costs_nothing(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    """Sqlite maps that file, unless a single process has the database: the kernel sends SIGBUS."""
    with anyio.fail_after(60):
        async with open_hardy(tmp_path, anyio_backend) as child:
            ids = await launch_all(child, liveness)
            os.truncate(tmp_path / FOLDER / f"{FILE}-shm", 0)
            await child.order("known")
            assert await child.wait() == -signal.SIGBUS
            await liveness.wait_gone()

        async with open_hardy(tmp_path, anyio_backend) as child:
            known: dict[str, Any] = {}
            while set(known.values()) != {"exited"}:
                known = await child.ask("known")

            await child.order("leave")
            assert await child.hear() == {"left": True}

    assert verdicts(tmp_path) == dict.fromkeys(ids, "terminated")


@pytest.mark.parametrize("damage", [overwrite_all, truncate_to_half, delete])
def test_r2_a_server_goes_on_with_its_tasks_and_agents(
    world: World, backend: str, damage: Callable[[Path], None]
) -> None:
    path = world.workspace / FOLDER / FILE
    with open_server(world, backend) as server:
        task = server.create_task()
        agents = [server.deploy(task, "sleep=100 kids=1"), server.deploy(task, "sleep=100")]
        world.roster.wait_enrolled(3)
        checkpoint(path)
        damage(path)

        late = server.deploy(task, "sleep=100")
        both = {"task_id": task, "agent_id": agents[0]}
        assert server.call("kill_real_agent", **both)["status"] == "terminated"
        rows = server.rows(task)
        assert {each: rows[each]["status"] for each in rows} == {
            agents[0]: "terminated",
            agents[1]: "running",
            late: "running",
        }
        server.end_input()
        assert server.wait() == 0

    assert ends(next_start(world)) == dict.fromkeys([*agents, late], "terminated")
