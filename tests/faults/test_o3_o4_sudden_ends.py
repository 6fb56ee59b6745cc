"""O3 and O4: the server is killed, crashes or breaks; its agents are gone, and the record tells."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.support.mcp_server import World, ends, next_start, open_server

if TYPE_CHECKING:
    from tests.support.mcp_server import LineClient

BROKEN: Final = (sys.executable, "-m", "tests.faults.broken_server")

#: How each fault ends the server.
FAULTS: Final = {
    "root": 1,
    "exit": 70,
    "segfault": -signal.SIGSEGV,
}


def deploy_all(world: World, server: LineClient) -> tuple[str, list[str]]:
    """Deploy one agent of each habit; the task, and the agents: plain, stubborn, saving."""
    task = server.create_task()
    agents = [
        server.deploy(task, "sleep=100 kids=1 escape=1 daemon=1"),
        server.deploy(task, "sleep=100 ignore=HUP,INT,TERM kids=1 escape=1 daemon=1"),
        server.deploy(task, "sleep=100 term_save=0.1"),
    ]
    world.roster.wait_enrolled(9)
    return task, agents


def check(world: World, agents: list[str]) -> None:
    """Nobody is left, the work is saved, and the next start knows how each ended."""
    world.roster.wait_nobody(within=10)
    assert world.roster.has(f"{agents[2]}.saved")
    assert ends(next_start(world)) == dict.fromkeys(agents, "terminated")


def test_o3_a_killed_server_leaves_nobody_and_the_next_start_knows_every_end(
    world: World, backend: str
) -> None:
    with open_server(world, backend) as server:
        _, agents = deploy_all(world, server)
        server.signal("SIGKILL")
        assert server.wait() == -signal.SIGKILL
        check(world, agents)


def test_o3_killed_in_the_middle_of_launches_it_leaves_nobody(world: World) -> None:
    with open_server(world) as server:
        task = server.create_task()
        for number in range(12):
            server.order(
                "deploy_headless_agent",
                task_id=task,
                agent_type=f"w{number}",
                prompt="[[fake sleep=100 escape=1 daemon=1]]",
            )

        world.roster.wait_enrolled(1)
        server.signal("SIGKILL")
        server.wait()

    known = ends(next_start(world))
    assert set(known.values()) <= {"terminated", "lost"}
    world.roster.wait_nobody(within=10)
    assert {one.agent_id for one in world.roster.all()} <= set(known)


@pytest.mark.parametrize(
    ("backend", "fault"),
    [("asyncio", "root"), ("trio", "root"), ("asyncio", "exit"), ("trio", "segfault")],
)
def test_o4_a_server_that_breaks_leaves_nobody(world: World, backend: str, fault: str) -> None:
    with open_server(world, backend, program=(*BROKEN, fault)) as server:
        task, agents = deploy_all(world, server)
        server.order("get_real_task_status", task_id=task)
        assert server.wait() == FAULTS[fault]
        check(world, agents)


def test_o4_an_exception_in_a_tool_is_an_mcp_error_and_all_goes_on(world: World) -> None:
    with open_server(world, program=(*BROKEN, "tool")) as server:
        task = server.create_task()
        agent = server.deploy(task, "sleep=100")
        answer = server.receive(server.order("get_real_task_status", task_id=task))["result"]
        assert answer["isError"] is True
        (text,) = answer["content"]
        assert text["text"].startswith("Error calling tool 'get_real_task_status': a bug")
        assert "Traceback" not in text["text"]
        killed = server.call("kill_real_agent", task_id=task, agent_id=agent)
        assert (killed["session_killed"], killed["status"]) == (True, "terminated")
        assert "RuntimeError: a bug" in (world.folder / "stderr").read_text()
