"""Rows of agents are made once, and never shown for longer than they are true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.model.activity import Activity
from orchestrator.registry import Registry
from orchestrator.tasks import answers
from orchestrator.tasks.rows import AgentRows
from tests.registry.registry_records import (
    LOST,
    NOW,
    OWNER,
    RUNNING,
    TASK,
    agent,
    exited,
    later,
    progress,
    run,
    stopping,
    task,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from orchestrator.model import AgentId

SLEEPS = Activity(at=NOW, verdict="idle", why="it sleeps", quiet_s=3.0)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(tmp_path / "workspace") as registry:
        registry.orchestrators.add(run())
        registry.tasks.add(task(tmp_path))
        yield registry


def _asked(
    registry: Registry, rows: AgentRows, activities: Mapping[AgentId, Activity]
) -> dict[str, object]:
    return answers.status(registry.tasks.get(TASK), registry, {}, activities, rows)


def test_an_answer_is_the_same_as_one_of_rows_that_are_made_anew(registry: Registry) -> None:
    rows = AgentRows()
    record = agent()
    registry.agents.add(record)
    registry.agents.add(agent())
    other = agent(owner=OWNER)
    registry.agents.add(other)
    registry.agents.set_state(other.id, LOST)

    def check(activities: Mapping[AgentId, Activity]) -> Any:
        answer = _asked(registry, rows, activities)
        assert answer == _asked(registry, AgentRows(), activities)
        assert _asked(registry, rows, activities) == answer
        agents: Any = answer["agents"]
        return agents["agents_list"][0]

    assert check({})["state"] == "starting"
    registry.agents.set_state(record.id, RUNNING)
    assert check({record.id: SLEEPS})["activity"]["verdict"] == "idle"
    works = SLEEPS.model_copy(update={"verdict": "working", "at": later(2)})
    assert check({record.id: works})["activity"]["verdict"] == "working"
    assert "activity" not in check({})
    for percent in (10, 20):
        registry.reports.add_progress(progress(record.id, percent=percent, at=later(percent)))
        assert check({record.id: works})["progress"] == percent

    registry.agents.set_state(record.id, stopping())
    assert check({record.id: works})["state"] == "stopping"
    registry.agents.set_state(record.id, exited("terminated"))
    row = check({record.id: works})
    assert (row["state"], row["status"], row["receipt"]["reason"]) == (
        "exited",
        "terminated",
        "asked to",
    )
    assert "activity" not in row


def test_what_another_process_has_changed_is_shown(registry: Registry, tmp_path: Path) -> None:
    rows = AgentRows()
    record = agent()
    registry.agents.add(record)
    _asked(registry, rows, {})

    with Registry.open(tmp_path / "workspace") as other:
        other.agents.set_state(record.id, exited("failed"))
        other.reports.add_progress(progress(record.id, percent=70))

    agents: Any = _asked(registry, rows, {})["agents"]
    (row,) = agents["agents_list"]
    assert (row["status"], row["exit_code"], row["progress"]) == ("failed", 3, 70)


def test_rows_are_made_once_and_the_oldest_are_forgotten() -> None:
    rows = AgentRows(kept=2)
    one, two, three = (agent(state=exited()) for _ in range(3))
    first = rows.row(one, None, None)
    second = rows.row(two, None, None)

    assert rows.row(one, None, None) is first
    third = rows.row(three, None, None)

    assert rows.row(two, None, None) is second
    assert rows.row(three, None, None) is third
    again = rows.row(one, None, None)
    assert again is not first
    assert again == first


def test_what_a_live_agent_does_is_not_written_into_its_row() -> None:
    rows = AgentRows()
    record = agent(state=RUNNING)

    with_activity = rows.row(record, None, SLEEPS)

    assert with_activity["activity"] == SLEEPS.model_dump(mode="json")
    assert "activity" not in rows.row(record, None, None)
