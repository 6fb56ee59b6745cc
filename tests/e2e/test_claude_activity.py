"""What is said of the real claude CLI while it works: which tool it waits for, and how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from orchestrator.process import tree
from tests.support.claude_cli import CLAUDE_MISSING, find_claude
from tests.support.evidence import ask_until
from tests.support.messages_api import messages_api
from tests.support.messages_script import Silence, Text, ToolUse
from tests.support.served import Place, open_server
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.messages_script import Scripts
    from tests.support.served import Server

CLAUDE = find_claude()
pytestmark = [
    pytest.mark.skipif(CLAUDE is None, reason=CLAUDE_MISSING),
    pytest.mark.skipif(not tree.HAS_PROC, reason="processes are looked at in /proc"),
]

#: Seconds after which a test is given up; it takes 3 to 6.
LIMIT = 60.0

SCRIPTS: Scripts = {
    "sleep": [[Text("I sleep."), ToolUse("Bash", {"command": "sleep 1000; echo over"})]],
    "think": [[ToolUse("Bash", {"command": "echo done"})], [Silence()]],
}


async def test_the_tool_that_the_cli_waits_for_is_named_with_its_command_and_its_processes(
    tmp_path: Path, anyio_backend: str
) -> None:
    with messages_api(SCRIPTS) as api:
        place = Place(tmp_path, agent=(str(CLAUDE),), api_url=api.url, backend=anyio_backend)
        with anyio.fail_after(LIMIT):
            async with open_server(place) as server:
                asleep = await server.deploy("[[script sleep]]")
                thinking = await server.deploy("[[script think]]")

                activity = await _seen(server, asleep, lambda seen: bool(_sleeps(seen)))
                (call,) = activity["open_tool_calls"]
                assert (call["name"], call["what"]) == ("Bash", "sleep 1000; echo over")
                (sleep,) = _sleeps(activity)
                agent = (await server.row(*asleep))["pid"]
                assert sleep["session"] != agent
                assert agent in {one["pid"] for one in activity["processes"]}

                # Its tool has answered, and its model does not.
                log = place.agent(thinking[1]).files.stdout
                await until(lambda: "tool_result" in log.read_text(), seconds=LIMIT)
                size = log.stat().st_size
                activity = await _seen(server, thinking, lambda seen: seen["output_bytes"] >= size)
                assert activity["open_tool_calls"] == []

            await place.wait_nobody()


async def _seen(
    server: Server, agent: tuple[str, str], wanted: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Ask what an agent is doing until it is what is wanted."""

    async def ask() -> dict[str, Any] | None:
        activity = (await server.row(*agent))["activity"]
        return activity if wanted(activity) else None

    found = await ask_until(ask, f"what {agent[1]} is to be doing")
    assert found is not None
    return found


def _sleeps(activity: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in activity["processes"] if one["name"] == "sleep"]
