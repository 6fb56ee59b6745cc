"""Nobody but their owner can read the files of a registry."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from registry_records import agent, finding, progress, task

from orchestrator.model import Limits
from orchestrator.registry import Registry, projection
from orchestrator.registry.global_file import GlobalFile
from orchestrator.registry.registry import FILE, FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=[0o000, 0o022, 0o277], ids=lambda mask: f"umask {mask:03o}")
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """A umask that must not matter."""
    former = os.umask(request.param)
    yield request.param
    os.umask(former)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_every_file_is_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    workspace = tmp_path / "deep" / "workspace"
    work = task(workspace)
    with Registry.open(workspace) as registry:
        registry.tasks.add(work)
        registry.agents.add(agent("worker-1"))
        projection.write_task(registry, work.id)
        GlobalFile(workspace).write(registry, limits=Limits())
        projection.append_progress(work, progress("worker-1"))
        projection.append_finding(work, finding("worker-1"))

        everything = {each.name: each for each in workspace.rglob("*")}
        files = {name for name, each in everything.items() if each.is_file()}
        assert files == {
            FILE,
            f"{FILE}-wal",
            f"{FILE}-shm",
            "lock",
            "AGENT_REGISTRY.json",
            "GLOBAL_REGISTRY.json",
            "worker-1_progress.jsonl",
            "worker-1_findings.jsonl",
        }
        assert {mode(everything[name]) for name in files} == {0o600}
        folders = [each for each in everything.values() if each.is_dir()]
        assert {mode(each) for each in (workspace.parent, workspace, *folders)} == {0o700}


def test_a_registry_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    with Registry.open(tmp_path) as registry:
        registry.agents.add(agent())

    (tmp_path / FOLDER).chmod(0o755)
    (tmp_path / FOLDER / FILE).chmod(0o644)
    with Registry.open(tmp_path) as registry:
        registry.agents.add(agent())
        assert mode(tmp_path / FOLDER) == 0o700
        assert {mode(each) for each in (tmp_path / FOLDER).iterdir()} == {0o600}


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    with Registry.open(tmp_path / "workspace"):
        assert mode(tmp_path) == 0o755
