"""R6: files for others to read that cannot be written cost a warning, never a report."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.evidence import wait_until
from tests.support.mcp_server import open_server

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.mcp_server import World


def told(world: World, task: str) -> list[tuple[str, str]]:
    """What both files for others say of the only agent of a task, and of how many are active."""
    own, shared = (
        json.loads((world.workspace / path).read_text())
        for path in (f"{task}/AGENT_REGISTRY.json", "registry/GLOBAL_REGISTRY.json")
    )
    agents: list[Mapping[str, Any]] = [*own["agents"], *shared["agents"].values()]
    counts = (own["active_count"], shared["active_agents"])
    return [(agent["status"], str(count)) for agent, count in zip(agents, counts, strict=False)]


def test_reports_are_on_record_though_their_files_cannot_be_written(world: World) -> None:
    with open_server(world) as server:
        task = server.create_task()
        agent = server.deploy(task, "sleep=100")
        for name in ("progress", "findings"):
            folder = world.workspace / task / name
            folder.rmdir()
            folder.write_text("in the way\n")

        both = {"task_id": task, "agent_id": agent}
        report = server.call("update_agent_progress", **both, status="working", message="m")
        assert report["success"] is True
        finding = server.call(
            "report_agent_finding", **both, finding_type="issue", severity="low", message="loose"
        )
        assert finding["coordination_info"]["recent_findings"][0]["message"] == "loose"
        known = server.call("get_real_task_status", task_id=task)["enhanced_progress"]
        assert (known["total_progress_entries"], known["total_findings"]) == (1, 1)
        assert world.log.count("cannot write the ") >= 2


def test_a_file_that_could_not_be_written_at_an_agent_s_end_is_written_later(world: World) -> None:
    with open_server(world) as server:
        task = server.create_task()
        agent = server.deploy(task, "sleep=100")
        file = world.workspace / task / "AGENT_REGISTRY.json"
        wait_until(lambda: told(world, task) == [("running", "1")] * 2, "both tell of it")
        file.unlink()
        file.mkdir()
        (file / "in the way").touch()
        server.call("kill_real_agent", task_id=task, agent_id=agent)
        complaint = f"the registry file of task {task} cannot be"
        wait_until(lambda: complaint in world.log, "it is said")
        (file / "in the way").unlink()
        file.rmdir()
        ended = [("terminated", "0")] * 2
        wait_until(lambda: file.is_file() and told(world, task) == ended, "both tell of the end")
        assert world.log.count("is tried again") == 1


@pytest.mark.parametrize("command", [("stop", "--all"), ("run", "--", "true")], ids=" ".join)
def test_the_files_tell_of_an_end_whoever_records_it(
    world: World, command: tuple[str, ...]
) -> None:
    with open_server(world) as server:
        task = server.create_task()
        server.deploy(task, "sleep=100")
        world.roster.wait_enrolled(1)
        server.signal("SIGKILL")
        assert server.wait() == -signal.SIGKILL
        world.roster.wait_nobody(within=20)

    subprocess.run(
        [sys.executable, "-P", "-m", "orchestrator", "-w", str(world.workspace), *command],
        env=world.environment(),
        timeout=60,
        check=True,
    )
    assert told(world, task) == [("terminated", "0")] * 2
