"""O5: durable agents live on without their server; the next one has them and their relays."""

from __future__ import annotations

import fcntl
import os
import signal
import termios
from typing import Final

import pytest

from orchestrator.process import tree
from tests.support.evidence import wait_until
from tests.support.mcp_server import LineClient, World, ends, next_start, open_server

from .test_s3_agents_in_disguise import relay_of

LOST: Final = -32000
END_OF_INPUT: Final = "end of input"

#: What an agent reports through its relay.
REPORT: Final = {"status": "working", "message": "on my way"}


def end(server: LineClient, way: str) -> None:
    """End a server in this way, and wait for it."""
    if way == END_OF_INPUT:
        server.end_input()
    else:
        server.signal(way)

    server.wait()


def updates(server: LineClient, task: str) -> list[tuple[str, int]]:
    """Return who has reported which progress, oldest first."""
    status = server.call("get_real_task_status", task_id=task)
    recent = status["enhanced_progress"]["recent_updates"]
    return sorted((update["agent_id"], update["progress"]) for update in recent)


def has_passed_on(relay: LineClient) -> bool:
    """Whether a relay has nothing more to send; what it had not sent would be asked later."""
    unread = bytearray(4)
    fcntl.ioctl(relay.stdin, termios.FIONREAD, unread)
    now = tree.read(relay.process.pid)
    return not any(unread) and now is not None and now.state == "S"


@pytest.mark.parametrize(
    ("backend", "way", "variable"),
    [("asyncio", "SIGKILL", False), ("trio", "SIGTERM", True), ("trio", END_OF_INPUT, False)],
)
def test_an_agent_goes_on_reports_to_the_next_server_and_ends_there_with_its_code(
    world: World, backend: str, way: str, variable: bool
) -> None:
    variables = {"ORCHESTRATOR_DURABLE": "1"} if variable else {}
    asked = {} if variable else {"durable": True}
    with open_server(world, backend, variables=variables) as server:
        task = server.create_task()
        goes_on = server.deploy(task, "until=go lines=3 exit=3 kids=1 escape=1", **asked)
        stopped = server.deploy(task, "sleep=100 daemon=1", **asked)
        bound = server.deploy(task, "sleep=100 ignore=HUP,INT,TERM kids=1", durable=False)
        world.roster.wait_enrolled(7)
        with relay_of(world, goes_on) as relay:
            me = {"task_id": task, "agent_id": goes_on, **REPORT}
            assert relay.call("update_agent_progress", **me, progress=10)["success"]
            end(server, way)
            wait_until(lambda: len(world.roster.alive()) == 5, "the bound one is gone")
            # It waits at the relay until somebody is there, and is carried out once.
            held = relay.order("update_agent_progress", **me, progress=20)
            with open_server(world, backend) as second:
                assert relay.receive(held)["result"]["structuredContent"]["success"]
                assert relay.call("update_agent_progress", **me, progress=30)["success"]
                assert updates(second, task) == [(goes_on, n) for n in (10, 20, 30)]
                rows = second.rows(task)
                assert [rows[one]["state"] for one in (goes_on, stopped)] == ["running"] * 2
                wait_until(lambda: second.rows(task)[bound]["state"] == "exited", "its end")
                killed = second.call("kill_real_agent", task_id=task, agent_id=stopped)
                assert (killed["session_killed"], killed["status"]) == (True, "terminated")
                world.roster.put("go")
                wait_until(lambda: second.rows(task)[goes_on]["state"] == "exited", "its end")
                row = second.rows(task)[goes_on]
                assert (row["status"], row["exit"]) == ("failed", "exit 3")
                assert row["result"]["text"] == "done"
                output = second.call("get_agent_output", task_id=task, agent_id=goes_on)
                assert "output 2" in output["output"]

    known = ends(next_start(world))
    assert known == {goes_on: "failed", stopped: "terminated", bound: "terminated"}


def test_a_call_that_was_under_way_is_answered_once_and_ends_without_a_server_are_known(
    world: World, backend: str
) -> None:
    with open_server(world, backend) as server:
        task = server.create_task()
        agents = [server.deploy(task, "until=go", durable=True) for _ in range(3)]
        world.roster.wait_enrolled(3)
        with relay_of(world, agents[0]) as relay:
            # Its server stands still when it is asked, and is killed so.
            server.signal("SIGSTOP")
            asked = relay.order(
                "update_agent_progress", task_id=task, agent_id=agents[0], **REPORT, progress=1
            )
            wait_until(lambda: has_passed_on(relay), "it is asked")
            os.kill(server.process.pid, signal.SIGKILL)
            server.wait()
            assert relay.receive(asked)["error"]["code"] == LOST
            world.roster.put("go")
            world.roster.wait_nobody()
            with open_server(world, backend) as second:

                def all_ended() -> bool:
                    return all(row["state"] == "exited" for row in second.rows(task).values())

                wait_until(all_ended, "their ends are on record")
                assert {row["status"] for row in second.rows(task).values()} == {"completed"}
                assert updates(second, task) == []


def test_a_child_agent_of_a_durable_one_belongs_to_the_server_that_launched_it(
    world: World,
) -> None:
    with open_server(world) as server:
        task = server.create_task()
        parent = server.deploy(task, "sleep=100", durable=True)
        child = {"child_agent_type": "c", "child_prompt": "[[fake sleep=100]]"}
        asked = {"task_id": task, "parent_agent_id": parent, **child}
        with relay_of(world, parent) as relay:
            bound = relay.call("spawn_child_agent", **asked)["agent_id"]
            durable = relay.call("spawn_child_agent", **asked, durable=True)["agent_id"]
            world.roster.wait_enrolled(3)
            server.signal("SIGKILL")
            server.wait()
            wait_until(lambda: len(world.roster.alive()) == 2, "the bound child is gone")
            with open_server(world) as second:
                later = relay.call("spawn_child_agent", **asked)["agent_id"]
                rows = second.rows(task)
                assert [rows[one]["parent"] for one in (bound, durable, later)] == [parent] * 3
                second.call("kill_real_agent", task_id=task, agent_id=parent, family=True)
                assert world.roster.alive() == []

    known = ends(next_start(world))
    assert known == dict.fromkeys((parent, bound, durable, later), "terminated")
