"""O6: a server that was stopped for a while has lost nothing, and does nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.evidence import wait_until
from tests.support.mcp_server import World, ends, next_start, open_server

from .test_s3_agents_in_disguise import relay_of

if TYPE_CHECKING:
    from tests.support.mcp_server import LineClient


def state(server: LineClient, task: str, agent: str) -> str:
    """Return the state of one agent."""
    return server.rows(task)[agent]["state"]


def test_what_happens_while_it_stands_is_known_to_it_afterwards_and_happens_once(
    world: World, backend: str
) -> None:
    with open_server(world, backend) as server, open_server(world, backend) as other:
        task = server.create_task()
        ends_itself = server.deploy(task, "until=go exit=7 escape=1")
        stopped = server.deploy(task, "sleep=100 kids=1 daemon=1")
        frozen = server.deploy(task, "sleep=100", durable=True)
        reports = server.deploy(task, "sleep=100", durable=True)
        world.roster.wait_enrolled(7)
        with relay_of(world, reports) as relay:
            server.signal("SIGSTOP")
            # What it is asked meanwhile it does when it goes on.
            asked = server.order("get_real_task_status", task_id=task)
            prompt = "[[fake sleep=100]]"
            launch = {"task_id": task, "agent_type": "late", "prompt": prompt}
            launched = server.order("deploy_headless_agent", **launch)
            report = {"status": "working", "message": "meanwhile", "progress": 40}
            told = relay.order("update_agent_progress", task_id=task, agent_id=reports, **report)
            # Agents end, by themselves and by others.
            world.roster.put("go")
            killed = other.call("kill_real_agent", task_id=task, agent_id=stopped, reason="other")
            assert (killed["session_killed"], killed["status"]) == (True, "terminated")
            assert killed["receipt"]["reason"] == "other"
            assert other.call("freeze_agent", task_id=task, agent_id=frozen)["state"] == "frozen"
            elsewhere = other.deploy(task, "sleep=100")
            wait_until(lambda: len(world.roster.alive()) == 3, "those that ended are gone")
            # It lives: nobody takes its agents over, durable or not.
            assert state(other, task, reports) == "running"
            assert "adopted" not in world.log

            server.signal("SIGCONT")
            assert server.receive(asked)["result"]["structuredContent"]["success"]
            late = server.receive(launched)["result"]["structuredContent"]["agent_id"]
            assert relay.receive(told)["result"]["structuredContent"]["success"]
            world.roster.wait_agent(late)
            wait_until(lambda: state(server, task, ends_itself) == "exited", "its end")
            rows = server.rows(task)
            agents = {ends_itself, stopped, frozen, reports, elsewhere, late}
            assert set(rows) == agents
            assert (rows[ends_itself]["status"], rows[ends_itself]["exit"]) == ("failed", "exit 7")
            assert (rows[stopped]["status"], rows[frozen]["state"]) == ("terminated", "frozen")
            assert rows[stopped]["termination_reason"] == "other"
            thawed = server.call("thaw_agent", task_id=task, agent_id=frozen)
            assert thawed["state"] == "running"
            status = server.call("get_real_task_status", task_id=task)
            (update,) = status["enhanced_progress"]["recent_updates"]
            assert (update["agent_id"], update["message"]) == (reports, "meanwhile")
            for agent in (frozen, reports):
                server.call("kill_real_agent", task_id=task, agent_id=agent)

            assert {one.agent_id for one in world.roster.alive()} == {elsewhere, late}

    known = ends(next_start(world))
    assert known.pop(ends_itself) == "failed"
    assert known == dict.fromkeys(agents - {ends_itself}, "terminated")


def test_one_that_is_killed_while_it_stands_has_lost_nothing(world: World, backend: str) -> None:
    with open_server(world, backend) as server:
        task = server.create_task()
        bound = server.deploy(task, "sleep=100 ignore=HUP,INT,TERM escape=1 daemon=1")
        saving = server.deploy(task, "sleep=100 term_save=0.3")
        ends_itself = server.deploy(task, "until=go exit=7")
        durable = server.deploy(task, "sleep=100 escape=1", durable=True)
        world.roster.wait_enrolled(7)
        server.signal("SIGSTOP")
        world.roster.put("go")
        wait_until(lambda: len(world.roster.alive()) == 6, "one has ended")
        server.signal("SIGKILL")
        server.wait()
        wait_until(lambda: len(world.roster.alive()) == 2, "the bound ones are gone")
        assert world.roster.has(f"{saving}.saved")
        with open_server(world, backend) as second:
            assert state(second, task, durable) == "running"
            wait_until(lambda: state(second, task, ends_itself) == "exited", "its end")
            second.call("kill_real_agent", task_id=task, agent_id=durable)

    known = ends(next_start(world))
    assert known.pop(ends_itself) == "failed"
    assert known == dict.fromkeys((bound, saving, durable), "terminated")
