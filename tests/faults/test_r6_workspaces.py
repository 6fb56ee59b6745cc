"""R6: workspaces in odd places work, or are refused at the start; so does one that is deleted."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.mcp_server import SERVER, ends, next_start, open_server

from .small_disk import open_small_disk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.mcp_server import LineClient, World


def live_and_end(world: World, server: LineClient) -> list[str]:
    """Let agents live, one of them stopped, one ended by itself, one left to the server's end."""
    task = server.create_task()
    agents = [
        server.deploy(task, "sleep=100 kids=1"),
        server.deploy(task, "sleep=0"),
        server.deploy(task, "sleep=100 ignore=TERM"),
    ]
    world.roster.wait_enrolled(4)
    both = {"task_id": task, "agent_id": agents[0]}
    report = server.call("update_agent_progress", **both, status="working", message="m")
    assert report["success"] is True
    assert server.call("kill_real_agent", **both)["status"] == "terminated"
    assert set(server.rows(task)) == set(agents)
    server.end_input()
    assert server.wait() == 0
    world.roster.wait_nobody(within=10)
    return agents


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("with some spaces/and more of them", id="spaces"),
        pytest.param("/".join(["x" * 99, "y" * 100]), id="200 characters"),
        pytest.param("z" * 200, id="a name of 200 characters"),
        pytest.param("per%20cent ?mode=ro #1 & 'quotes\"", id="special characters"),
        pytest.param("-rf", id="a leading dash"),
        pytest.param("Ünïcode-目录", id="beyond ASCII"),
    ],
)
def test_r6_a_workspace_with_an_odd_path_works(world: World, name: str) -> None:
    world.workspace = world.folder / name
    with open_server(world) as server:
        agents = live_and_end(world, server)

    known = ends(next_start(world))
    assert known == dict(zip(agents, ["terminated", "completed", "terminated"], strict=True))


def test_r6_a_workspace_on_another_file_system_works(world: World) -> None:
    world.workspace.mkdir()
    with open_small_disk(world.workspace, "size=200m") as disk:
        with open_server(world, program=(*disk.enter, *SERVER)) as server:
            agents = live_and_end(world, server)

        assert {each.name for each in disk.outside.iterdir()} >= {"registry"}
        known = ends(disk.next_start(world.workspace))
        assert known == dict(zip(agents, ["terminated", "completed", "terminated"], strict=True))

    assert list(world.workspace.iterdir()) == [], "it was written beside the other file system"


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(SERVER, id="server"),
        pytest.param((*SERVER, "run", "--", "true"), id="run"),
    ],
)
def test_r6_a_read_only_workspace_is_a_clear_error_at_the_start(
    world: World, program: Sequence[str]
) -> None:
    world.workspace.mkdir()
    with open_small_disk(world.workspace, "ro") as disk:
        done = subprocess.run(
            [*disk.enter, *program],
            env=world.environment(),
            cwd=world.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(world.workspace) in done.stderr
    assert "choose " in done.stderr, "it does not say what to do"


def test_r6_a_workspace_that_is_deleted_while_agents_run_costs_no_control(
    world: World, backend: str
) -> None:
    with open_server(world, backend) as server:
        task = server.create_task()
        agents = [
            server.deploy(task, "sleep=100 kids=1 escape=1"),
            server.deploy(task, "sleep=100 ignore=TERM"),
        ]
        world.roster.wait_enrolled(4)
        # at once: whoever deletes file by file meets the ones that are made anew
        gone = world.workspace.rename(world.folder / "gone")
        shutil.rmtree(gone)

        both = {"task_id": task, "agent_id": agents[0]}
        killed = server.call("kill_real_agent", **both)
        assert (killed["session_killed"], killed["status"]) == (True, "terminated")
        assert set(server.rows(task)) == set(agents)
        late = server.deploy(server.create_task(), "sleep=100")
        server.end_input()
        assert server.wait() == 0
        world.roster.wait_nobody(within=10)

    assert ends(next_start(world)) == dict.fromkeys([*agents, late], "terminated")
