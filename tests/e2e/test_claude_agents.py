"""The whole house: the real claude CLI as agent, and as client, of the real server."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio
import pytest
from mcp.client import stdio

from orchestrator.config import CLAUDE_FLAGS
from orchestrator.model import AgentSpec, Exited
from orchestrator.process import tree
from orchestrator.providers import ClaudeProvider
from tests.support.agents import argv
from tests.support.claude_cli import CLAUDE_MISSING, find_claude
from tests.support.evidence import wait_until
from tests.support.liveness import VARIABLE, open_liveness
from tests.support.messages_api import messages_api
from tests.support.messages_script import Text, ToolUse
from tests.support.served import Place, open_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from orchestrator.model import AgentRecord, Outcome
    from tests.support.liveness import Liveness
    from tests.support.messages_script import Block, Request, Scripts

CLAUDE = find_claude()
pytestmark = [
    pytest.mark.skipif(CLAUDE is None, reason=CLAUDE_MISSING),
    pytest.mark.skipif(not tree.HAS_PROC, reason="who is left is read in /proc"),
]

#: How the CLI names the server's tools.
TOOL = "mcp__claude-orchestrator__{}".format
#: Seconds after which a test is given up; it takes 2 to 7.
LIMIT = 60.0


class House(NamedTuple):
    """A place, and the liveness of those who live there."""

    place: Place
    liveness: Liveness


@asynccontextmanager
async def open_house(
    folder: Path, backend: str, scripts: Scripts, agent: Sequence[str] = (str(CLAUDE),)
) -> AsyncGenerator[House]:
    """Give a place whose agents play the scripts; ``sleep`` is always there."""
    async with open_liveness() as liveness:
        with messages_api({"sleep": [sleep_of(liveness)], **scripts}) as api:
            place = Place(folder, agent=agent, api_url=api.url, backend=backend)
            # The fake ones say hello by it.
            place.environment |= liveness.env
            with anyio.fail_after(LIMIT):
                yield House(place, liveness)


def sleep_of(liveness: Liveness) -> list[Block]:
    """Say a turn that runs a shell command for ever, which is seen as ``tool``."""
    host, _, port = liveness.env[VARIABLE].partition(":")
    # Shell and sleep hold the descriptor.
    command = f"exec 3<>/dev/tcp/{host}/{port}; echo tool $$ >&3; sleep 1000; echo over"
    return [Text("I sleep."), ToolUse("Bash", {"command": command})]


def me(request: Request) -> dict[str, str]:
    """Read in its prompt who an agent is, as a model does."""
    return {
        "task_id": request.find(r"- task_id: (\S+)"),
        "agent_id": request.find(r"- agent_id: (\S+)"),
    }


def outcome(record: AgentRecord) -> Outcome:
    assert isinstance(record.state, Exited), record.state
    return record.state.outcome


def pids(notes: Sequence[Mapping[str, Any]]) -> set[int]:
    return {note["pid"] for note in notes}


async def test_an_agent_reports_through_a_relay_and_its_end_is_seen_by_itself(
    tmp_path: Path, anyio_backend: str
) -> None:
    loaded: dict[int, str] = {}

    def look_and_report(request: Request) -> list[Block]:
        for proc in house.place.inhabitants(me(request)["agent_id"]):
            folder = Path("/proc") / str(proc.pid)
            # A short-lived child of the CLI may be gone by now.
            with suppress(OSError):
                command = (folder / "cmdline").read_text().replace("\0", " ")
                if "-m orchestrator" in command:
                    loaded[proc.pid] = (folder / "maps").read_text()

        report = {"status": "working", "message": "half of it", "progress": 50}
        return [ToolUse(TOOL("update_agent_progress"), {**me(request), **report})]

    def speak_for_another(request: Request) -> list[Block]:
        report = {"status": "error", "message": "not me", "agent_id": "another-agent"}
        return [ToolUse(TOOL("update_agent_progress"), {**me(request), **report})]

    def find(request: Request) -> list[Block]:
        refused = request.tool_results[-1].text
        assert f"Agent {me(request)['agent_id']} cannot report for another-agent" in refused
        finding = {"finding_type": "insight", "severity": "low", "message": "it is loud"}
        more = {"data": {"file": "a.py"}}
        return [ToolUse(TOOL("report_agent_finding"), {**me(request), **finding, **more})]

    report = [look_and_report, speak_for_another, find, [Text("All done.")]]
    async with open_house(tmp_path, anyio_backend, {"report": report}) as house:
        async with open_server(house.place) as server:
            task_id, agent_id = await server.deploy("[[script report]] and be brief")
            await house.place.wait_ended(agent_id)
            row = await server.row(task_id, agent_id)
            status = await server.call("get_real_task_status", task_id=task_id)

        await house.place.wait_nobody()

    assert (row["status"], row["exit"], row["left_behind"]) == ("completed", "exit 0", [])
    assert row["result"]["text"] == "All done."
    assert row["result"]["cost_usd"] > 0
    assert row["result"]["session_id"]
    (update,) = status["enhanced_progress"]["recent_updates"]
    assert (update["agent_id"], update["message"], update["progress"]) == (
        agent_id,
        "half of it",
        50,
    )
    (finding,) = status["enhanced_progress"]["recent_findings"]
    assert (finding["agent_id"], finding["data"]) == (agent_id, {"file": "a.py"})
    # The agent's copy of the server has loaded nothing heavy, and opened no workspace.
    (libraries,) = loaded.values()
    assert "pydantic_core" not in libraries
    assert len(house.place.servers()) == 1


async def test_a_stop_in_the_middle_of_a_shell_command_leaves_nobody_and_lists_who_escaped(
    tmp_path: Path, anyio_backend: str
) -> None:
    async with open_house(tmp_path, anyio_backend, {}) as house:
        async with open_server(house.place) as server:
            task_id, agent_id = await server.deploy("[[script sleep]]")
            await house.liveness.wait_here("tool")
            tool = house.liveness.pid("tool")
            leader = (await server.row(task_id, agent_id))["pid"]
            assert os.getsid(tool) == tool != os.getsid(leader) == leader

            killed = await server.call(
                "kill_real_agent", task_id=task_id, agent_id=agent_id, reason="enough of it"
            )

            assert house.place.inhabitants(agent_id) == []
            await house.liveness.wait_gone()
            row = await server.row(task_id, agent_id)

        await house.place.wait_nobody()

    assert (killed["status"], killed["session_killed"]) == ("terminated", True)
    receipt = killed["receipt"]
    assert receipt["reason"] == "enough of it"
    assert leader in pids(receipt["signalled"])
    assert tool in pids(receipt["escapees"])
    assert receipt["survivors"] == []
    assert (row["status"], row["termination_reason"]) == ("terminated", "enough of it")
    assert row["receipt"] == receipt


async def test_a_child_agent_outlives_its_parent_and_ends_with_the_server(
    tmp_path: Path, anyio_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is asserted is written down at the end of the server's wait for its agents.
    monkeypatch.setattr(stdio, "PROCESS_TERMINATION_TIMEOUT", LIMIT)

    def spawn(request: Request) -> list[Block]:
        own = me(request)
        child = {"child_agent_type": "child", "child_prompt": "[[script sleep]]"}
        arguments = {"task_id": own["task_id"], "parent_agent_id": own["agent_id"], **child}
        return [ToolUse(TOOL("spawn_child_agent"), arguments)]

    scripts = {"parent": [spawn, [Text("My child goes on.")]]}
    async with open_house(tmp_path, anyio_backend, scripts) as house:
        house.place.environment["ORCHESTRATOR_SHUTDOWN_TIMEOUT"] = str(LIMIT)
        async with open_server(house.place) as server:
            task_id, parent_id = await server.deploy("[[script parent]]")
            await house.place.wait_ended(parent_id)
            row = await server.row(task_id, parent_id)
            await house.liveness.wait_here("tool")
            status = await server.call("get_real_task_status", task_id=task_id)

            assert (row["status"], row["left_behind"]) == ("completed", [])
            (child_id,) = status["hierarchy"][parent_id]
            child = await server.row(task_id, child_id)
            assert (child["status"], child["depth"]) == ("running", 2)
            assert house.place.inhabitants(parent_id) == []
            (server_record,) = house.place.servers()
            assert house.place.agent(child_id).owner == server_record.id

        await house.liveness.wait_gone()
        await house.place.wait_nobody()

    end = outcome(house.place.agent(child_id))
    assert end.verdict == "terminated"
    assert end.receipt is not None
    assert end.receipt.reason == "shutdown: end of input"
    assert house.liveness.pid("tool") in {note.pid for note in end.receipt.escapees}
    (server_record,) = house.place.servers()
    assert server_record.shutdown_reason == "end of input"
    assert server_record.shutdown_done_at is not None


async def test_a_server_that_is_killed_leaves_nobody_and_the_next_one_knows_the_end(
    tmp_path: Path, anyio_backend: str
) -> None:
    async with open_house(tmp_path, anyio_backend, {}) as house:
        async with open_server(house.place) as server:
            task_id, agent_id = await server.deploy("[[script sleep]]")
            await house.liveness.wait_here("tool")
            (killed,) = house.place.servers()

            os.kill(killed.pid, signal.SIGKILL)

            # Before the block is left: the client has not ended anything yet.
            await house.liveness.wait_gone()
            await house.place.wait_nobody()

        assert house.place.agent(agent_id).live
        async with open_server(house.place) as server:
            await house.place.wait_ended(agent_id)
            row = await server.row(task_id, agent_id)

        await house.place.wait_nobody()

    assert row["status"] == "terminated"
    assert row["termination_reason"] == "its orchestrator is gone"
    assert house.liveness.pid("tool") in pids(row["receipt"]["escapees"])
    assert row["receipt"]["survivors"] == []
    assert all(record.shutdown_done_at for record in house.place.servers())


@pytest.mark.parametrize(
    ("agent", "word", "how"),
    [
        pytest.param((str(CLAUDE),), "tool", "exit", id="claude"),
        # Longer than the CLI leaves its servers alive.
        pytest.param(argv("ignores_signals"), "leader", "SIGKILL", id="stubborn"),
    ],
)
async def test_the_cli_as_client_ends_the_server_and_every_agent_is_gone_and_on_record(
    tmp_path: Path, anyio_backend: str, agent: tuple[str, ...], word: str, how: str
) -> None:
    def deploy(request: Request) -> list[Block]:
        task_id = request.find_in_result(r"(TASK-[\w-]+)")
        arguments = {"task_id": task_id, "agent_type": "worker", "prompt": "[[script sleep]]"}
        return [ToolUse(TOOL("deploy_headless_agent"), arguments)]

    def leave(_: Request) -> list[Block]:
        guests = house.liveness.guests
        wait_until(lambda: any(guest.word == word for guest in guests), f"the agent's {word}")
        return [Text("It is on its way.")]

    create = [ToolUse(TOOL("create_real_task"), {"description": "Something to do."})]
    scripts = {"client": [create, deploy, leave]}
    async with open_house(tmp_path, anyio_backend, scripts, agent) as house:
        provider = ClaudeProvider(executable=(str(CLAUDE),), flags=tuple(shlex.split(CLAUDE_FLAGS)))
        client = await anyio.run_process(
            provider.invocation(AgentSpec(), house.place.write_mcp_config()).argv,
            input=b"[[script client]]",
            stderr=subprocess.STDOUT,
            check=False,
            cwd=tmp_path,
            env=house.place.environment,
            start_new_session=True,
        )
        assert client.returncode == 0, client.stdout.decode()

        await house.liveness.wait_gone()
        await house.place.wait_nobody()
        (first,) = house.place.servers()
        assert first.shutdown_reason == "SIGINT"
        if how == "SIGKILL":
            assert first.shutdown_done_at is None

        # Whatever the first server could not write down any more, the next one does.
        async with open_server(house.place) as server:
            (record,) = house.place.agents()
            assert record.task_id is not None
            await house.place.wait_ended(record.id)
            row = await server.row(record.task_id, record.id)

    assert row["status"] == "terminated"
    assert row["exit"].startswith(how)
    assert row["receipt"]["survivors"] == []
    assert row["termination_reason"] == "shutdown: SIGINT"
    assert all(record.shutdown_done_at for record in house.place.servers())
