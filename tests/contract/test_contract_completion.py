"""The validation of completion claims: facts on record, and never more than advice."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

import anyio

from tests.support.evidence import ask_until

from .clients import open_client

if TYPE_CHECKING:
    from tests.support.mcp_server import World

    from .clients import Contract

#: The server, but that its look at an agent's files takes whatever it takes here.
PATIENT: Final = """
import sys
from orchestrator.__main__ import main
from orchestrator.tasks import completion
completion._SECONDS_MAX = 60.0
sys.exit(main())
"""


async def claim(
    server: Contract, directive: str, *, message: str = "done", **arguments: object
) -> tuple[str, str, dict[str, Any]]:
    """Let a new agent in a project of its own claim to be done; task, agent, validation."""
    project = server.world.folder / f"claims-{arguments.get('agent_type', 'w')}-{len(message)}"
    project.mkdir(exist_ok=True)
    (project / "old.txt").write_text("was here before\n")
    task = await server.task(client_cwd=str(project))
    agent = await server.deploy(task, directive, **arguments)
    await anyio.to_thread.run_sync(server.world.roster.wait_agent, agent)
    answer = await server.progress(task, agent, "completed", message=message, progress=100)
    assert answer["success"] is True
    row = (await server.rows(task))[agent]
    assert row["status"] == "completed"
    return task, agent, row["completion_validation"]


async def test_a_claim_without_any_work_is_doubted_but_stands(server: Contract) -> None:
    task, agent, found = await claim(server, "sleep=100", agent_type="investigator")
    evidence = found["evidence_summary"]
    assert evidence["type_specific"] == {
        "type": "investigator",
        "findings_required": True,
        "findings_ok": False,
    }
    assert evidence["message_validation"]["length"] == 4
    assert evidence["workspace_evidence"]["findings_count"] == 0
    assert evidence["workspace_evidence"]["progress_entries_count"] == 1
    expected = 1 - 0.1 * len(found["warnings"]) - 0.3 * len(found["blocking_issues"])
    assert found["confidence"] == max(0.0, round(expected, 2))
    assert found["confidence"] < 0.7
    status = await server.call("get_real_task_status", task_id=task)
    assert status["agents"]["completed"] == 1
    path = server.world.folder / "claims-investigator-4" / ".agent-workspace" / task

    async def on_disk() -> Any:
        rows = json.loads((path / "AGENT_REGISTRY.json").read_text())["agents"]
        return {row["id"]: row for row in rows}.get(agent, {}).get("completion_validation")

    assert await ask_until(on_disk, f"the validation of {agent} on disk") == found


async def test_files_findings_and_words_speak_for_a_claim(world: World, backend: str) -> None:
    message = "Fixed the wiring, all tests passed and verified by hand"
    async with open_client(world, backend, program=(sys.executable, "-c", PATIENT)) as server:
        _, _, found = await claim(server, "sleep=100 touch=new.txt", message=message)

    evidence = found["evidence_summary"]
    # The agent's own file; neither the old one nor what the server wrote.
    assert evidence["workspace_evidence"]["modified_files_count"] >= 1
    assert evidence["workspace_evidence"]["all_files_seen"] is True
    assert set(evidence["message_validation"]["evidence_keywords_found"]) >= {"fixed", "passed"}
    assert found["blocking_issues"] == []


async def test_only_a_claim_is_validated(server: Contract) -> None:
    task = await server.task()
    agent = await server.deploy(task, "sleep=100")
    await server.progress(task, agent, "working")
    assert "completion_validation" not in (await server.rows(task))[agent]
