"""The files for others to read have the keys and kinds of values that the original server wrote."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from registry_records import (
    NOW,
    RUNNING,
    TASK,
    agent,
    exited,
    finding,
    later,
    progress,
    run,
    task,
)

from orchestrator.model import AgentId, Limits, TaskId
from orchestrator.registry import atomic, projection
from orchestrator.registry.global_file import GlobalFile

if TYPE_CHECKING:
    from orchestrator.registry import Registry

SAMPLE = Path(__file__).parents[3] / "shared" / "contract" / "samples" / "disk-seed.json"

#: In the recording, but of a feature that only scored claims and that nothing ever read.
LEFT_OUT = {"completion_validation"}
ADDED = {"provider", "pid", "exit_code", "exit_signal", "survivors"}


@pytest.fixture
def sample() -> dict[str, Any]:
    """What the original server wrote, by the name of the file."""
    if not SAMPLE.exists():
        pytest.skip("the recordings of the original server do not lie beside this checkout")

    recorded = json.loads(SAMPLE.read_text())
    return {Path(name).name: content for name, content in recorded.items()}


@pytest.fixture
def written(registry: Registry, tmp_path: Path) -> Path:
    """The base of a task with one agent that runs and one that was stopped; both reported."""
    base = tmp_path / "workspace"
    work = task(base)
    runs, stopped = agent("runs-1", state=RUNNING), agent("stopped-1", state=exited("terminated"))
    registry.orchestrators.add(run())
    registry.tasks.add(work)
    registry.agents.add(stopped)
    registry.agents.add(runs)
    registry.agents.add(agent("elsewhere-1", task_id=None))
    for entry in (progress("stopped-1", percent=1), progress("runs-1", "dancing", 50)):
        registry.reports.add_progress(entry)
        projection.append_progress(work, entry)

    projection.append_finding(work, finding("runs-1", file="a.py", n=1))
    projection.write_task(registry, TASK)
    GlobalFile(base).write(registry, limits=Limits(max_concurrent=7))
    return base


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def assert_alike(ours: Any, recorded: Any) -> None:
    """Objects have the same keys, and each value is of the same kind."""
    assert type(ours) is type(recorded)
    if isinstance(recorded, dict):
        expected = cast("dict[str, Any]", recorded)
        assert list(ours) == list(expected)
        for key, value in expected.items():
            assert_alike(ours[key], value)

    if isinstance(recorded, str) and recorded[:4].isdigit():
        assert datetime.fromisoformat(ours).tzinfo is None


def without(row: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in sorted(row.items()) if key not in keys}


def test_the_registry_of_a_task_has_the_recorded_form(
    written: Path, sample: dict[str, Any]
) -> None:
    document = read(written / TASK / "AGENT_REGISTRY.json")
    recorded = sample["AGENT_REGISTRY.json"]
    parts = {"agents", "agent_hierarchy"}

    assert list(document) == list(recorded)
    for key in set(recorded) - parts:
        assert_alike(document[key], recorded[key])

    stopped, runs = document["agents"]
    recorded_stopped, recorded_runs = recorded["agents"]
    assert_alike(without(runs, ADDED), without(recorded_runs, LEFT_OUT))
    # there the agent had called itself completed, and was stopped after that
    assert_alike(without(stopped, ADDED), without(recorded_stopped, LEFT_OUT | {"completed_at"}))
    assert document["agent_hierarchy"] == {"orchestrator": ["stopped-1", "runs-1"]}


def test_the_registry_of_a_task_counts_its_agents(written: Path) -> None:
    document = read(written / TASK / "AGENT_REGISTRY.json")

    assert document["task_id"] == TASK
    assert document["workspace"] == str(written / TASK)
    assert document["created_at"] == projection.local_iso(NOW)
    assert [each["status"] for each in document["agents"]] == ["terminated", "dancing"]
    assert (document["total_spawned"], document["active_count"]) == (2, 1)
    assert document["completed_count"] == 1


def test_the_global_registry_has_the_recorded_form(written: Path, sample: dict[str, Any]) -> None:
    document = read(written / "registry" / "GLOBAL_REGISTRY.json")
    recorded = sample["GLOBAL_REGISTRY.json"]

    assert list(document) == list(recorded)
    for key in set(recorded) - {"tasks", "agents"}:
        assert_alike(document[key], recorded[key])

    assert_alike(document["tasks"][TASK], next(iter(recorded["tasks"].values())))
    recorded_agent = next(iter(recorded["agents"].values()))
    assert_alike(
        without(document["agents"]["stopped-1"], set()),
        without(recorded_agent, {"completed_at"}),
    )


def test_the_global_registry_counts_what_belongs_to_tasks(written: Path) -> None:
    document = read(written / "registry" / "GLOBAL_REGISTRY.json")

    assert list(document["agents"]) == ["stopped-1", "runs-1"]
    assert (document["total_tasks"], document["active_tasks"]) == (1, 1)
    assert (document["total_agents_spawned"], document["active_agents"]) == (2, 1)
    assert document["max_concurrent_agents"] == 7


def test_reports_have_the_recorded_form(written: Path, sample: dict[str, Any]) -> None:
    folder = written / TASK
    (ours,) = lines(folder / "progress" / "runs-1_progress.jsonl")
    assert_alike(ours, sample["<agent_id>_progress.jsonl"][0])
    assert ours["progress"] == 50

    (ours,) = lines(folder / "findings" / "runs-1_findings.jsonl")
    assert_alike(ours, sample["<agent_id>_findings.jsonl"][0])
    assert ours["data"] == {"file": "a.py", "n": 1}


def test_a_context_is_shown_and_counted(registry: Registry, tmp_path: Path) -> None:
    context: dict[str, object] = {
        "expected_deliverables": ["a report", "a fix"],
        "success_criteria": ["tests pass"],
        "odd": float("nan"),
    }
    registry.tasks.add(task(tmp_path, context=context))
    projection.write_task(registry, TASK)
    GlobalFile(tmp_path).write(registry, limits=Limits())

    document = read(tmp_path / TASK / "AGENT_REGISTRY.json")
    assert document["task_context"] == context | {"odd": None}
    summary = read(tmp_path / "registry" / "GLOBAL_REGISTRY.json")["tasks"][TASK]
    assert summary["has_enhanced_context"] is True
    assert (summary["deliverables_count"], summary["success_criteria_count"]) == (2, 1)


def test_a_base_shows_only_its_own_tasks(registry: Registry, tmp_path: Path) -> None:
    other = TaskId("TASK-20260301-120000-00000002")
    registry.tasks.add(task(tmp_path / "one"))
    registry.tasks.add(task(tmp_path / "two", other))

    GlobalFile(tmp_path / "two").write(registry, limits=Limits())

    document = read(tmp_path / "two" / "registry" / "GLOBAL_REGISTRY.json")
    assert list(document["tasks"]) == [other]


def test_all_bases_together_show_all_tasks(registry: Registry, tmp_path: Path) -> None:
    other = TaskId("TASK-20260301-120000-00000002")
    registry.tasks.add(task(tmp_path / "one"))
    registry.tasks.add(task(tmp_path / "two", other))
    registry.agents.add(agent("there-1", task_id=other))

    document = projection.read_global(registry, limits=Limits())

    assert list(document["tasks"]) == [TASK, other]
    assert list(document["agents"]) == ["there-1"]


def test_a_workspace_that_was_never_used_shows_no_tasks(registry: Registry, tmp_path: Path) -> None:
    GlobalFile(tmp_path).write(registry, limits=Limits())

    document = read(tmp_path / "registry" / "GLOBAL_REGISTRY.json")
    assert (document["tasks"], document["total_tasks"]) == ({}, 0)
    assert datetime.fromisoformat(document["created_at"]).tzinfo is None


def test_text_that_is_no_utf_8_does_not_stop_the_files(tmp_path: Path) -> None:
    work = task(tmp_path)
    projection.append_progress(work, progress("w", "b\udcffd \u2028"))

    (line,) = lines(work.workspace / "progress" / "w_progress.jsonl")
    assert line["status"] == "b\udcffd \u2028"


def test_a_moment_is_shown_in_local_time_without_a_zone() -> None:
    shown = datetime.fromisoformat(projection.local_iso(later(1)))

    assert shown.tzinfo is None
    assert shown.astimezone() == later(1)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    atomic.write_atomically(path, "old")
    before = path.stat()
    atomic.write_atomically(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_ino != before.st_ino

    with pytest.raises(UnicodeEncodeError):
        atomic.write_atomically(path, "half \udcff")

    assert path.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["file.json"]


def test_a_line_is_never_glued_to_half_of_another(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"a": 1}\n{"b"')

    atomic.append_line(path, '{"c": 3}')
    atomic.append_line(path, '{"d": 4}')

    assert path.read_text().splitlines() == ['{"a": 1}', '{"b"', '{"c": 3}', '{"d": 4}']


def test_what_another_server_wrote_into_the_global_registry_stays(
    registry: Registry, tmp_path: Path
) -> None:
    base = tmp_path / "workspace"
    path = base / "registry" / "GLOBAL_REGISTRY.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    before = {
        "total_tasks": 1,
        "tasks": {"TASK-old": {"description": "before"}},
        "agents": {"old-1": {"task_id": "TASK-old", "status": "completed"}},
    }
    path.write_text(json.dumps(before))
    registry.tasks.add(task(base))
    for _ in range(2):
        GlobalFile(base).write(registry, limits=Limits())

    document = json.loads(path.read_text())
    assert document["tasks"]["TASK-old"] == {"description": "before"}
    assert set(document["agents"]) == {"old-1"}
    assert (document["total_tasks"], len(document["tasks"])) == (2, 2)


def test_what_has_changed_is_brought_up_to_date_as_if_all_were_written(
    registry: Registry, written: Path, tmp_path: Path
) -> None:
    limits = Limits(max_concurrent=7)
    new = TaskId("TASK-20260301-120000-00000002")
    registry.tasks.add(task(written, new))
    registry.agents.add(agent("second-1", task_id=new, state=RUNNING))
    registry.agents.set_state(AgentId("runs-1"), exited("failed"))

    GlobalFile(written).write(registry, limits=limits, changed={TASK, new})
    brought = read(written / "registry" / "GLOBAL_REGISTRY.json")

    (written / "registry" / "GLOBAL_REGISTRY.json").unlink()
    GlobalFile(written).write(registry, limits=limits)
    assert brought == read(written / "registry" / "GLOBAL_REGISTRY.json")
    assert brought["agents"]["runs-1"]["status"] == "failed"
    assert (brought["total_tasks"], brought["active_tasks"], brought["active_agents"]) == (2, 2, 1)


def test_a_file_that_nobody_else_has_written_is_not_read_again(
    registry: Registry, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(max_concurrent=7)
    file, path = GlobalFile(written), written / "registry" / "GLOBAL_REGISTRY.json"
    file.write(registry, limits=limits, changed={TASK})
    monkeypatch.setattr(Path, "read_bytes", None)
    registry.agents.set_state(AgentId("runs-1"), exited("failed"))

    file.write(registry, limits=limits, changed={TASK})

    monkeypatch.undo()
    mine = read(path)
    assert mine["agents"]["runs-1"]["status"] == "failed"
    path.unlink()
    GlobalFile(written).write(registry, limits=limits)
    assert read(path) == mine


@pytest.mark.parametrize("way", ["replaced", "in place", "of the same size", "deleted", "no JSON"])
def test_what_somebody_else_writes_meanwhile_is_seen(
    registry: Registry, written: Path, way: str
) -> None:
    limits = Limits(max_concurrent=7)
    file, path = GlobalFile(written), written / "registry" / "GLOBAL_REGISTRY.json"
    file.write(registry, limits=limits, changed={TASK})
    wanted = read(path)
    text = path.read_text()
    match way:
        case "deleted":
            path.unlink()
        case "no JSON":
            path.write_text("{")
        case "of the same size":
            path.write_text(text.replace("Check the wiring", "CHECK THE WIRING"))
        case _:
            wanted["agents"]["old-1"] = {"task_id": "TASK-old", "note": "a\nb \u00fc"}
            wanted["total_agents_spawned"] += 1
            if way == "replaced":
                path.unlink()

            path.write_text(json.dumps(wanted))

    # a change of another task, so that the entries of this one are those of the file
    new = TaskId("TASK-20260301-120000-00000002")
    registry.tasks.add(task(written, new))
    file.write(registry, limits=limits, changed={new})

    found = read(path)
    assert found["tasks"].pop(new)["description"] == "Check the wiring"
    assert (found["total_tasks"], found["active_tasks"]) == (2, 2)
    if way == "of the same size":
        assert found["tasks"][TASK]["description"] == "CHECK THE WIRING"
    else:
        wanted |= {"total_tasks": 2, "active_tasks": 2}
        assert found == wanted


def test_two_processes_that_write_in_turns_lose_nothing_of_each_other(
    registry: Registry, written: Path
) -> None:
    limits = Limits()
    one, two = GlobalFile(written), GlobalFile(written)
    names = [TaskId(f"TASK-20260301-120000-0000001{number}") for number in range(6)]
    for number, name in enumerate(names):
        registry.tasks.add(task(written, name))
        registry.agents.add(agent(f"of-{number}", task_id=name))
        (one, two)[number % 2].write(registry, limits=limits, changed={name})

    document = read(written / "registry" / "GLOBAL_REGISTRY.json")
    assert set(document["tasks"]) == {TASK, *names}
    assert {f"of-{number}" for number in range(6)} <= set(document["agents"])
    assert document["total_tasks"] == 7


def test_a_change_that_could_not_be_written_is_written_by_the_next(
    registry: Registry, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(max_concurrent=7)
    file, path = GlobalFile(written), written / "registry" / "GLOBAL_REGISTRY.json"
    file.write(registry, limits=limits, changed={TASK})
    new = TaskId("TASK-20260301-120000-00000002")
    registry.tasks.add(task(written, new))

    def refuse(*_: object) -> None:
        raise OSError(28, "no room")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no room"):
        file.write(registry, limits=limits, changed={new})

    monkeypatch.undo()
    assert new not in read(path)["tasks"]
    file.write(registry, limits=limits, changed={new})
    found = read(path)
    assert (found["total_tasks"], found["active_tasks"], set(found["tasks"])) == (2, 2, {TASK, new})


def test_a_stamp_tells_a_file_from_any_that_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    stamps = [atomic.write_atomically(path, "same size") for _ in range(50)]

    assert len(set(stamps)) == len(stamps)
    assert atomic.stamp_of(path) == stamps[-1]
    path.write_text("other one")
    assert atomic.stamp_of(path) not in stamps
    path.unlink()
    assert atomic.stamp_of(path) is None
