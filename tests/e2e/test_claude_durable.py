"""A durable agent that is the real claude CLI, from one server to the next (row O5)."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from orchestrator.process import tree
from tests.support.claude_cli import CLAUDE_MISSING
from tests.support.liveness import VARIABLE
from tests.support.messages_script import Text, ToolUse
from tests.support.served import open_server

from .test_claude_agents import CLAUDE, TOOL, me, open_house, outcome

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.messages_script import Block, Request

pytestmark = [
    pytest.mark.skipif(CLAUDE is None, reason=CLAUDE_MISSING),
    pytest.mark.skipif(not tree.HAS_PROC, reason="who is left is read in /proc"),
]


async def test_it_goes_on_in_the_middle_of_a_shell_command_and_reports_to_the_next_server(
    tmp_path: Path, anyio_backend: str
) -> None:
    def work(_: Request) -> list[Block]:
        host, port = house.liveness.env[VARIABLE].split(":")
        # It is seen as ``tool``, and ends when the test says so.
        command = (
            f"exec 3<>/dev/tcp/{host}/{port}; echo tool $$ >&3;"
            f" until test -e {tmp_path}/go; do sleep 0.1; done; echo it is done"
        )
        return [ToolUse("Bash", {"command": command})]

    def report(request: Request) -> list[Block]:
        assert "it is done" in request.tool_results[-1].text
        told = {"status": "working", "message": "after the kill", "progress": 70}
        return [ToolUse(TOOL("update_agent_progress"), {**me(request), **told})]

    def finish(request: Request) -> list[Block]:
        request.find_in_result(r'"success": ?(true)')
        return [Text("All of it is done.")]

    scripts = {"work": [work, report, finish]}
    async with open_house(tmp_path, anyio_backend, scripts) as house:
        house.place.environment["ORCHESTRATOR_DURABLE"] = "1"
        async with open_server(house.place) as server:
            task_id, agent_id = await server.deploy("[[script work]]")
            await house.liveness.wait_here("tool")
            (first,) = house.place.servers()
            os.kill(first.pid, signal.SIGKILL)

        async with open_server(house.place) as server:
            # The command that the server was killed in goes on.
            assert [guest.word for guest in house.liveness.here()] == ["tool"]
            (tmp_path / "go").touch()
            await house.place.wait_ended(agent_id)
            row = await server.row(task_id, agent_id)
            status = await server.call("get_real_task_status", task_id=task_id)

        await house.place.wait_nobody()

    (update,) = status["enhanced_progress"]["recent_updates"]
    assert (update["agent_id"], update["message"]) == (agent_id, "after the kill")
    assert (row["status"], row["exit"], row["left_behind"]) == ("completed", "exit 0", [])
    assert row["result"]["text"] == "All of it is done."
    record = house.place.agent(agent_id)
    assert outcome(record).receipt is None
    assert record.owner != first.id
