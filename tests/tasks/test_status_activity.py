"""What get_real_task_status says of the agents that work on a task: are they working, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.app import open_app
from orchestrator.config import Settings
from orchestrator.process import tree
from orchestrator.tasks.caller import Caller
from tests.support.evidence import ask_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not tree.HAS_PROC, reason="processes are looked at in /proc")

CALL = (
    '{"type":"assistant","message":{"id":"m1","content":[{"type":"tool_use","id":"toolu_1",'
    '"name":"Bash","input":{"command":"make test"}}]},"parent_tool_use_id":null}'
)
#: An agent that calls a tool and waits, or ends, as its own id says that it is to.
SCRIPT = f"case $ORCHESTRATOR_AGENT_ID in ends*) exit 0;; esac; echo '{CALL}'; exec sleep 45"


async def test_the_row_of_a_live_agent_says_what_it_is_doing_and_how_that_is_known(
    tmp_path: Path,
) -> None:
    settings = Settings.read({}, cwd=tmp_path).model_copy(
        update={"claude_executable": ("sh", "-c", SCRIPT), "claude_flags": ()}
    )
    async with open_app(settings) as app:
        created = await app.tasks.create_task(description="d")
        task_id = str(created["task_id"])
        for kind in ("works", "ends"):
            await app.tasks.deploy(Caller(), task_id=task_id, agent_type=kind, prompt="p")

        async def rows() -> dict[str, dict[str, Any]]:
            status: Any = await app.tasks.status(task_id=task_id)
            assert json.loads(json.dumps(status)) == status
            return {row["type"]: row for row in status["agents"]["agents_list"]}

        async def called() -> dict[str, Any] | None:
            activity = (await rows())["works"].get("activity")
            return activity if activity and activity["open_tool_calls"] else None

        activity = await ask_until(called, "the tool call")
        assert activity is not None
        assert activity["verdict"] in {"waiting", "working"}
        assert "its tool Bash (make test)" in activity["why"]
        (call,) = activity["open_tool_calls"]
        assert (call["name"], call["what"]) == ("Bash", "make test")
        assert activity["output_bytes"] > 0
        assert activity["quiet_s"] >= 0
        assert activity["cpu_s"] >= 0
        assert activity["complete"]
        assert {"sh", "sleep"} >= {one["name"] for one in activity["processes"]}

        async def ended() -> dict[str, Any] | None:
            row = (await rows())["ends"]
            return row if row["state"] == "exited" else None

        row = await ask_until(ended, "the end of the other one")
        assert row is not None
        assert "activity" not in row
