"""Runs of orchestrators, tasks and reports in the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from registry_records import NOW, OWNER, TASK, finding, later, progress, run, task

from orchestrator.errors import InvalidInputError, NotFoundError, RegistryError
from orchestrator.model import AgentId, OrchestratorId, TaskId

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.registry import Registry

OTHER = TaskId("TASK-20260301-120000-00000002")


def nested(depth: int) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for _ in range(depth):
        data = {"a": data}

    return data


def test_a_run_is_open_until_its_shutdown_is_done(registry: Registry) -> None:
    other = run(OrchestratorId("orc-000000000002"))
    registry.orchestrators.add(run())
    registry.orchestrators.add(other)

    begun = registry.orchestrators.begin_shutdown(OWNER, "SIGTERM", later(1))
    assert begun.shutdown_reason == "SIGTERM"
    assert registry.orchestrators.all(open_only=True) == [begun, other]

    done = registry.orchestrators.finish_shutdown(OWNER, later(2))
    assert done.shutdown_done_at == later(2)
    assert registry.orchestrators.find(OWNER) == done
    assert registry.orchestrators.all(open_only=True) == [other]
    assert registry.orchestrators.all() == [done, other]


def test_the_first_reason_and_the_first_end_of_a_shutdown_stay(registry: Registry) -> None:
    registry.orchestrators.add(run())
    registry.orchestrators.begin_shutdown(OWNER, "end of input", later(1))
    registry.orchestrators.finish_shutdown(OWNER, later(2))

    registry.orchestrators.begin_shutdown(OWNER, "SIGTERM", later(3))
    last = registry.orchestrators.finish_shutdown(OWNER, later(4))

    assert (last.shutdown_reason, last.shutdown_began_at) == ("end of input", later(1))
    assert last.shutdown_done_at == later(2)


def test_a_run_that_was_killed_can_be_closed_by_another(registry: Registry) -> None:
    registry.orchestrators.add(run())

    closed = registry.orchestrators.finish_shutdown(OWNER, later(9))

    assert closed.shutdown_began_at is None
    assert registry.orchestrators.all(open_only=True) == []


def test_an_unknown_run_is_not_found(registry: Registry) -> None:
    assert registry.orchestrators.find(OWNER) is None
    with pytest.raises(NotFoundError, match=OWNER):
        registry.orchestrators.begin_shutdown(OWNER, "SIGTERM", NOW)

    with pytest.raises(NotFoundError, match=OWNER):
        registry.orchestrators.finish_shutdown(OWNER, NOW)


def test_ids_of_runs_and_tasks_are_used_once(registry: Registry, tmp_path: Path) -> None:
    registry.orchestrators.add(run())
    registry.tasks.add(task(tmp_path))

    with pytest.raises(RegistryError, match=OWNER):
        registry.orchestrators.add(run())

    with pytest.raises(RegistryError, match=TASK):
        registry.tasks.add(task(tmp_path))


def test_a_task_is_found_again_with_its_context(registry: Registry, tmp_path: Path) -> None:
    first = task(tmp_path, context={"constraints": ["none"], "n": 3, "deep": {"é": [True, None]}})
    second = task(tmp_path, OTHER)
    registry.tasks.add(first)
    registry.tasks.add(second)

    assert registry.tasks.get(TASK) == first
    assert registry.tasks.all() == [first, second]


def test_an_unknown_task_is_not_found(registry: Registry) -> None:
    with pytest.raises(NotFoundError, match=rf"^Task {TASK} not found in any workspace location$"):
        registry.tasks.get(TASK)


def test_reports_come_back_oldest_first(registry: Registry) -> None:
    reports = [progress("a", percent=number) for number in range(5)]
    other_agent = progress("b", "dancing", 250)
    other_task = progress("a", percent=-5, task_id=OTHER)
    for each in (*reports, other_agent, other_task):
        registry.reports.add_progress(each)

    read = registry.reports.progress
    assert read(TASK) == [*reports, other_agent]
    assert read(TASK, newest=2) == [reports[4], other_agent]
    assert read(TASK, newest=0) == []
    assert read(TASK, agent_id=AgentId("a"), newest=2) == reports[3:]
    assert read(TASK, agent_id=AgentId("nobody")) == []
    assert read(OTHER) == [other_task]


def test_findings_come_back_oldest_first_with_their_data(registry: Registry) -> None:
    first = finding("a", file="a.py", line=1)
    second = finding("b", "it hums")
    registry.reports.add_finding(first)
    registry.reports.add_finding(second)

    assert registry.reports.findings(TASK) == [first, second]
    assert registry.reports.findings(TASK, newest=1) == [second]
    assert registry.reports.findings(TASK, agent_id=AgentId("a")) == [first]
    assert registry.reports.findings(OTHER) == []


def test_the_latest_progress_is_the_one_that_came_in_last(registry: Registry) -> None:
    registry.reports.add_progress(progress("a", percent=10, at=later(9)))
    registry.reports.add_progress(progress("b", percent=20))
    registry.reports.add_progress(progress("a", percent=30, at=later(1)))
    registry.reports.add_progress(progress("a", percent=40, task_id=OTHER))

    latest = registry.reports.latest_progress(TASK)

    assert {name: entry.progress for name, entry in latest.items()} == {"a": 30, "b": 20}
    assert registry.reports.latest_progress(TaskId("none")) == {}


def test_reports_are_counted_per_task(registry: Registry) -> None:
    registry.reports.add_progress(progress("a"))
    registry.reports.add_progress(progress("a"))
    registry.reports.add_progress(progress("a", task_id=OTHER))
    registry.reports.add_finding(finding("a"))

    counts = registry.reports.counts(TASK)

    assert (counts.progress, counts.findings) == (2, 1)
    assert registry.reports.counts(OTHER) == (1, 0)


@pytest.mark.parametrize("depth", [190, 197, 210, 250, 400])
def test_data_that_could_not_be_read_back_is_refused(
    registry: Registry, tmp_path: Path, depth: int
) -> None:
    registry.reports.add_finding(finding("a", deep=nested(100)))

    with pytest.raises(InvalidInputError, match="flatter"):
        registry.reports.add_finding(finding("a", deep=nested(depth)))

    with pytest.raises(InvalidInputError, match="flatter"):
        registry.tasks.add(task(tmp_path, context=nested(depth)))

    assert registry.reports.findings(TASK) == [finding("a", deep=nested(100))]
    assert registry.tasks.all() == []


def test_text_of_any_kind_is_kept(registry: Registry) -> None:
    nasty = "nul \0 quote ' \" emoji \U0001f600 line\u2028end \\"
    registry.reports.add_progress(progress(nasty, nasty))

    assert registry.reports.progress(TASK, agent_id=AgentId(nasty)) == [progress(nasty, nasty)]
