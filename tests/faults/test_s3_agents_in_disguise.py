"""S3: through its relay an agent acts as itself, and on agents below itself; never on others."""

from __future__ import annotations

import json
import os
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.evidence import wait_until
from tests.support.mcp_server import LineClient, World, open_lines, open_server

if TYPE_CHECKING:
    from collections.abc import Generator


@contextmanager
def relay_of(world: World, agent_id: str) -> Generator[LineClient]:
    """Start what an agent's CLI starts: the server that its MCP configuration names."""
    leader = world.roster.wait_agent(agent_id)
    path = Path(leader.argv[leader.argv.index("--mcp-config") + 1])
    named: dict[str, Any] = json.loads(path.read_text())["mcpServers"]["claude-orchestrator"]
    environment = {**world.environment(), **leader.marks}
    command = (named["command"], *named["args"])
    with open_lines(command, env=environment, cwd=leader.cwd) as relay:
        relay.initialize()
        yield relay


def test_an_agent_can_do_to_others_none_of_what_it_can_do_for_itself(
    world: World, backend: str
) -> None:
    with open_server(world, backend) as server:
        task = server.create_task()
        me = server.deploy(task, "sleep=100")
        sibling = server.deploy(task, "sleep=100")
        ended = server.deploy(task, "")
        wait_until(lambda: server.rows(task)[ended]["state"] == "exited", "its end")
        with relay_of(world, me) as relay:

            def refused(tool: str, **arguments: object) -> str:
                answer = relay.call(tool, task_id=task, **arguments)
                assert answer["success"] is False
                return answer["error"]

            report = {"status": "completed", "message": "m"}
            finding = {"finding_type": "issue", "severity": "low", "message": "m"}
            for other in (sibling, ended):
                assert me in refused("update_agent_progress", agent_id=other, **report)
                assert me in refused("report_agent_finding", agent_id=other, **finding)
                assert "below itself" in refused("kill_real_agent", agent_id=other)
                assert "below itself" in refused(
                    "spawn_child_agent",
                    parent_agent_id=other,
                    child_agent_type="c",
                    child_prompt="p",
                )

            assert "below itself" in refused("kill_real_agent", agent_id=me)
            own = relay.call("update_agent_progress", task_id=task, agent_id=me, **report)
            assert own["success"] is True

        rows = server.rows(task)
        assert (rows[sibling]["status"], rows[ended]["status"]) == ("running", "completed")
        assert len(rows) == 3


def test_an_agent_may_launch_and_stop_below_itself_and_its_children_outlive_it(
    world: World,
) -> None:
    with open_server(world) as server:
        task = server.create_task()
        me = server.deploy(task, "until=enough")
        below = {"task_id": task, "child_agent_type": "c", "child_prompt": "[[fake sleep=100]]"}
        with relay_of(world, me) as relay:
            child = relay.call("spawn_child_agent", parent_agent_id=me, **below)
            assert (child["success"], child["parent"]) == (True, me)
            nephew = relay.call("spawn_child_agent", parent_agent_id=child["agent_id"], **below)
            # Without a parent of its own naming, what an agent deploys is its child all the same.
            hidden = relay.call(
                "deploy_headless_agent", task_id=task, agent_type="h", prompt="[[fake sleep=100]]"
            )
            assert hidden["parent"] == me
            killed = relay.call("kill_real_agent", task_id=task, agent_id=nephew["agent_id"])
            assert killed["session_killed"] is True
            world.roster.wait_agent(child["agent_id"])
            world.roster.put("enough")
            wait_until(lambda: server.rows(task)[me]["state"] == "exited", "its end")

        rows = server.rows(task)
        assert rows[child["agent_id"]]["status"] == "running"
        assert rows[hidden["agent_id"]]["status"] == "running"
        hierarchy = server.call("get_real_task_status", task_id=task)["hierarchy"]
        assert hierarchy[me] == [child["agent_id"], hidden["agent_id"]]


def test_a_finished_agent_is_heard_no_more_through_the_relay_that_it_left_open(
    world: World,
) -> None:
    with open_server(world) as server:
        task = server.create_task()
        me = server.deploy(task, "until=enough")
        with relay_of(world, me) as relay:
            world.roster.put("enough")
            wait_until(lambda: server.rows(task)[me]["state"] == "exited", "its end")
            number = relay.order(
                "update_agent_progress", task_id=task, agent_id=me, status="working", message="m"
            )
            answer = relay.receive(number)["result"]["structuredContent"]
            assert answer["success"] is False
            assert "has ended" in answer["error"]
            launched = relay.call(
                "deploy_headless_agent", task_id=task, agent_type="w", prompt="[[fake sleep=100]]"
            )
            assert launched["success"] is False

        assert list(server.rows(task)) == [me]


def test_a_cookie_of_nobody_opens_no_door(world: World) -> None:
    with open_server(world) as server:
        task = server.create_task()
        agent = server.deploy(task, "sleep=100")
        leader = world.roster.wait_agent(agent)
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(20)
            door.connect(leader.marks["ORCHESTRATOR_SOCKET"])
            said = {"orchestrator": 1, "cookie": os.urandom(16).hex()}
            door.sendall(json.dumps(said).encode() + b"\n")
            answer = json.loads(door.makefile("rb").readline())
            assert "ok" not in answer
            assert "cookie" in answer["error"]
