"""What the server leaves on disk for others to read, against the recorded files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.waiting import until

from .shapes import mismatches, record, shape_of

if TYPE_CHECKING:
    from pathlib import Path

    from .clients import Contract

RECORDED: Final[dict[str, Any]] = record("samples/disk-seed.json") or {}
TASK_FILE: Final = "<WORKSPACE>/<task_id>/AGENT_REGISTRY.json"
GLOBAL_FILE: Final = "<WORKSPACE>/registry/GLOBAL_REGISTRY.json"

needs_record = pytest.mark.skipif(
    not RECORDED, reason="the recorded contract is not beside this checkout (../shared/contract)"
)


async def played(server: Contract) -> tuple[Path, str]:
    """A task whose agent has claimed to be done and was killed; its folder, and the agent."""
    task = await server.task(description="Check the flux capacitor wiring")
    agent = await server.deploy(task, "sleep=100 lines=2", agent_type="investigator")
    await server.progress(task, agent, progress=10)
    both = {"task_id": task, "agent_id": agent}
    await server.call(
        "report_agent_finding",
        **both,
        finding_type="issue",
        severity="high",
        message="loose wire",
        data={"file": "a.py", "n": 1},
    )
    await server.progress(task, agent, "completed", progress=100)
    await server.call("kill_real_agent", **both)
    folder = server.world.workspace / task
    await until(lambda: rows(folder).get(agent, {}).get("status") == "terminated", seconds=20)
    return folder, agent


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    """The rows of the agents in a task's file."""
    agents = json.loads((folder / "AGENT_REGISTRY.json").read_text())["agents"]
    return {row["id"]: row for row in agents}


@needs_record
async def test_the_task_file_has_the_recorded_shape(server: Contract) -> None:
    folder, agent = await played(server)
    document = json.loads((folder / "AGENT_REGISTRY.json").read_text())
    recorded = RECORDED[TASK_FILE]
    # It ended once: by the kill. The original kept the moment of the claim as well.
    row = {key: value for key, value in recorded["agents"][0].items() if key != "completed_at"}
    recorded = {**recorded, "agents": [row]}
    assert mismatches(document, shape_of({**recorded, "agent_hierarchy": {}})) == []
    assert document["agent_hierarchy"] == {"orchestrator": [agent]}
    for key in ("task_description", "client_cwd", "status", "priority", "orchestration_guidance"):
        assert document[key] == recorded[key]

    counts = {key: document[key] for key in ("total_spawned", "active_count", "completed_count")}
    assert counts == {"total_spawned": 1, "active_count": 0, "completed_count": 1}
    assert rows(folder)[agent]["termination_reason"] == "Manual termination"


@needs_record
async def test_the_global_file_has_the_recorded_shape(server: Contract) -> None:
    folder, agent = await played(server)
    path = server.world.workspace / "registry" / "GLOBAL_REGISTRY.json"

    def written() -> dict[str, Any]:
        document: dict[str, Any] = json.loads(path.read_text())
        agents = document["agents"]
        return document if agents.get(agent, {}).get("status") == "terminated" else {}

    document = await until(written, seconds=20)
    recorded = RECORDED[GLOBAL_FILE]
    assert mismatches(document, shape_of({**recorded, "tasks": {}, "agents": {}})) == []
    (task,) = [one for name, one in recorded["tasks"].items() if "a7fac27d" in name]
    assert mismatches(document["tasks"][folder.name], shape_of(task)) == []
    (row,) = recorded["agents"].values()
    row = {key: value for key, value in row.items() if key != "completed_at"}
    assert mismatches(document["agents"][agent], shape_of(row)) == []
    assert document["total_tasks"] == len(document["tasks"])


@needs_record
async def test_reports_are_appended_line_by_line_as_recorded(server: Contract) -> None:
    folder, agent = await played(server)
    for kind, first in (("progress", "working"), ("findings", "issue")):
        path = folder / kind / f"{agent}_{kind}.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        recorded = RECORDED[f"{kind}/<agent_id>_{kind}.jsonl"][0]
        assert all(mismatches(line, shape_of(recorded)) == [] for line in lines)
        assert list(lines[0]) == list(recorded)
        assert first in lines[0].values()


@needs_record
async def test_the_note_of_a_deployment_has_the_recorded_keys_and_no_prompt(
    server: Contract,
) -> None:
    folder, agent = await played(server)
    text = (folder / "logs" / f"deploy_{agent}.json").read_text()
    assert mismatches(json.loads(text), shape_of(RECORDED["logs/deploy_<agent_id>.json"])) == []
    assert "[[fake" not in text


@needs_record
async def test_every_recorded_file_is_where_it_was(server: Contract) -> None:
    folder, agent = await played(server)
    names: list[str] = RECORDED["files"]
    for name in names:
        assert (folder / name.replace("<agent_id>", agent)).is_file(), name


async def test_a_task_has_its_file_as_soon_as_its_id_is_known(server: Contract) -> None:
    for number in range(5):
        task = await server.task(description=f"task {number}")
        path = server.world.workspace / task / "AGENT_REGISTRY.json"
        assert json.loads(path.read_text())["task_description"] == f"task {number}"
