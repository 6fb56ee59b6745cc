"""What counts as a sign of work: files written since a moment, by anybody but the server."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from orchestrator.model import Limits, TaskId, TaskRecord
from orchestrator.tasks import completion
from orchestrator.tasks.completion import Modified, count_modified, read_validations

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

LONG_AGO = 1_000_000_000.0
SINCE = LONG_AGO + 1


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look takes as long as it has to, on a machine that does other work."""
    monkeypatch.setattr(completion, "_SECONDS_MAX", 60.0)


@pytest.fixture
def task(tmp_path: Path) -> TaskRecord:
    """A task in a workspace inside its project."""
    made = TaskRecord(
        id=TaskId("TASK-20260101-000000-00000000"),
        description="d",
        priority="P2",
        created_at=datetime.now(UTC),
        workspace_base=tmp_path / "workspace",
        client_cwd=tmp_path,
        limits=Limits(),
    )
    (made.workspace / "logs").mkdir(parents=True)
    return made


def write(path: Path, *, when: float | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    if when is not None:
        os.utime(path, (when, when))


def test_files_written_since_count_and_older_ones_do_not(task: TaskRecord, tmp_path: Path) -> None:
    write(tmp_path / "old", when=LONG_AGO)
    write(tmp_path / "new")
    write(tmp_path / "deep" / "er" / "new")
    write(task.workspace / "report.md")
    assert count_modified(tmp_path, task, SINCE) == Modified(3, complete=True)


def test_what_the_server_writes_does_not_count(task: TaskRecord, tmp_path: Path) -> None:
    for name in ("AGENT_REGISTRY.json", "agent_prompt_a.txt", "logs/a_stream.jsonl", "progress/a"):
        write(task.workspace / name)

    write(task.workspace_base / "registry" / "GLOBAL_REGISTRY.json")
    write(task.workspace_base / "TASK-other" / "logs" / "b_stream.jsonl")
    for folder in (".git", "node_modules", "src/__pycache__", ".agent-workspace"):
        write(tmp_path / folder / "file")

    assert count_modified(tmp_path, task, SINCE) == Modified(0, complete=True)


def test_links_are_not_followed(task: TaskRecord, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "passwd").symlink_to("/etc/passwd")
    assert count_modified(tmp_path, task, LONG_AGO - 1) == Modified(0, complete=True)


def test_a_look_at_a_large_project_ends_and_says_so(task: TaskRecord, tmp_path: Path) -> None:
    for number in range(20_001):
        os.close(os.open(tmp_path / f"f{number}", os.O_CREAT, 0o600))

    found = count_modified(tmp_path, task, SINCE)
    assert found.complete is False
    assert 0 < found.files <= 20_000


def test_a_look_that_takes_too_long_ends_and_says_so(
    task: TaskRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "new")
    monkeypatch.setattr(completion, "_SECONDS_MAX", -1.0)
    assert count_modified(tmp_path, task, SINCE) == Modified(0, complete=False)


def test_a_file_that_vanishes_meanwhile_hides_none_of_the_others(
    task: TaskRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("1", "2", "3"):
        write(tmp_path / "src" / name)

    scandir = os.scandir

    @contextmanager
    def listed_before(folder: str) -> Generator[Iterator[os.DirEntry[str]]]:
        with scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)

        if folder == str(tmp_path / "src"):
            (tmp_path / "src" / "1").unlink()

        yield iter(entries)

    monkeypatch.setattr(os, "scandir", listed_before)
    assert count_modified(tmp_path, task, SINCE) == Modified(2, complete=True)


def test_a_damaged_record_of_validations_is_read_as_far_as_it_goes(task: TaskRecord) -> None:
    path = task.workspace / "logs" / "completion_validations.jsonl"
    assert read_validations(task) == {}
    path.write_bytes(
        b'{"agent_id": "a-1", "confidence": 0.5}\nhalf {\n[1]\n\xff\n'
        b'{"agent_id": "a-1", "confidence": 0.9}\n'
    )
    assert read_validations(task) == {"a-1": {"completion_validation": {"confidence": 0.9}}}
