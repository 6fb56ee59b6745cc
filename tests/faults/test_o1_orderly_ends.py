"""O1: a signal or the end of input, at rest and in the middle of something: nobody is left."""

from __future__ import annotations

import signal
from typing import Final

import pytest

from tests.support.mcp_server import (
    STATUSES,
    WAITS_LONG,
    LineClient,
    World,
    ends,
    next_start,
    open_server,
)

END_OF_INPUT: Final = "end of input"
WAYS: Final = {**STATUSES, END_OF_INPUT: 0}

#: Which way on which backend: each way at rest, and both backends with each kind of way.
AT_REST: Final = (
    ("asyncio", "SIGTERM"),
    ("trio", "SIGTERM"),
    ("asyncio", "SIGINT"),
    ("trio", "SIGHUP"),
    ("asyncio", END_OF_INPUT),
    ("trio", END_OF_INPUT),
)
IN_LAUNCHES: Final = (
    ("trio", "SIGTERM"),
    ("trio", "SIGINT"),
    ("asyncio", "SIGHUP"),
    ("asyncio", END_OF_INPUT),
)
IN_A_STOP: Final = (("asyncio", "SIGTERM"), ("trio", END_OF_INPUT))

#: One of each habit: a plain tree, one that ignores whatever can be ignored, one that saves.
HABITS: Final = (
    "sleep=100 kids=1 escape=1 daemon=1",
    "sleep=100 ignore=HUP,INT,TERM kids=1 escape=1",
    "sleep=100 term_save=0.1",
)
#: How many processes they are together.
PROCESSES: Final = 8


def end(server: LineClient, way: str) -> None:
    """Begin the end in this way."""
    if way == END_OF_INPUT:
        server.end_input()
    else:
        server.signal(way)


def check_log(world: World, reason: str) -> None:
    """The log tells that it began, and that it was finished."""
    assert f"shutdown begun reason='{reason}'" in world.log
    assert "shutdown done" in world.log
    assert "Traceback" not in (world.folder / "stderr").read_text()


@pytest.mark.parametrize(("backend", "way"), AT_REST)
def test_an_end_while_idle_leaves_nobody_and_lets_agents_save(
    world: World, backend: str, way: str
) -> None:
    with open_server(world, backend, variables=WAITS_LONG) as server:
        task = server.create_task()
        agents = [server.deploy(task, habit) for habit in HABITS]
        assert len(world.roster.wait_enrolled(PROCESSES)) == PROCESSES
        end(server, way)
        assert server.wait() == WAYS[way]
        assert world.roster.alive() == []

    assert world.roster.has(f"{agents[2]}.saved")
    check_log(world, way)
    for agent in agents:
        assert f"agent {agent} terminated" in world.log

    assert not list(world.runtime.iterdir())


@pytest.mark.parametrize(("backend", "way"), IN_LAUNCHES)
def test_an_end_in_the_middle_of_launches_leaves_nobody(
    world: World, backend: str, way: str
) -> None:
    with open_server(world, backend, variables=WAITS_LONG) as server:
        task = server.create_task()
        prompt = "[[fake sleep=100 escape=1]]"
        for number in range(12):
            server.order(
                "deploy_headless_agent", task_id=task, agent_type=f"w{number}", prompt=prompt
            )

        world.roster.wait_enrolled(1)
        end(server, way)
        assert server.wait() == WAYS[way]
        world.roster.wait_nobody()

    check_log(world, way)
    known = next_start(world)
    assert set(ends(known).values()) <= {"terminated"}
    # Whoever got as far as to enroll is on record.
    assert {one.agent_id for one in world.roster.all()} <= set(ends(known))
    world.roster.wait_nobody()


@pytest.mark.parametrize(("backend", "way"), IN_A_STOP)
def test_an_end_in_the_middle_of_a_stop_leaves_nobody(world: World, backend: str, way: str) -> None:
    with open_server(world, backend, variables=WAITS_LONG) as server:
        task = server.create_task()
        stubborn = server.deploy(task, "sleep=100 ignore=HUP,INT,TERM kids=1 escape=1")
        saving = server.deploy(task, "sleep=100 term_save=0.1")
        world.roster.wait_enrolled(4)
        for agent in (stubborn, saving):
            server.order("kill_real_agent", task_id=task, agent_id=agent, reason="enough")

        world.roster.wait_note(f"{stubborn}.got-INT")
        world.roster.wait_note(f"{saving}.saving")
        end(server, way)
        assert server.wait() == WAYS[way]
        assert world.roster.alive() == []

    assert world.roster.has(f"{saving}.saved")
    check_log(world, way)
    known = next_start(world)
    assert ends(known) == {stubborn: "terminated", saving: "terminated"}
    # The first reason stands: they were being killed already.
    reasons = {agent["state"]["outcome"]["receipt"]["reason"] for agent in known["agents"]}
    assert reasons == {"enough"}


def test_later_signals_take_no_grace_away(world: World) -> None:
    with open_server(world, variables=WAITS_LONG) as server:
        task = server.create_task()
        saving = server.deploy(task, "sleep=100 term_save=0.1")
        world.roster.wait_agent(saving)
        server.signal("SIGINT")
        world.roster.wait_note(f"{saving}.saving")
        for name in ("SIGTERM", "SIGHUP", "SIGINT"):
            server.signal(name)

        assert server.wait() == 128 + signal.SIGINT
        assert world.roster.has(f"{saving}.saved")
