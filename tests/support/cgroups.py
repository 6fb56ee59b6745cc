"""Control groups for tests: a folder for them, and processes that are put into them."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.process import tree
from orchestrator.process.cgroup import AgentGroup
from orchestrator.process.cgroup_base import base_name, own_group

if TYPE_CHECKING:
    from collections.abc import Generator

    from orchestrator.process.tree import Proc


@contextmanager
def open_folder(name: str = "") -> Generator[str]:
    """A group in this process's own for the length of the block, in which groups can be made.

    Skips the test, with the reason, where there cannot be one. In the end no group may be left in
    it.

    Args:
        name: What it is called; like the base of a nursery of this process by itself.
    """
    own = own_group()
    if own is None:
        pytest.skip("this machine shows no cgroup v2")

    folder = Path(own, name or base_name())
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made in {own}: {error}")

    try:
        if not (folder / "cgroup.kill").exists():
            pytest.skip("this kernel has no cgroup.kill (Linux 5.14)")

        yield str(folder)
        assert [entry.name for entry in folder.iterdir() if entry.is_dir()] == []
    finally:
        AgentGroup(str(folder)).kill()
        assert AgentGroup(str(folder)).remove(5.0)


@contextmanager
def stranger_in(
    group: str, *command: str, env: dict[str, str] | None = None
) -> Generator[subprocess.Popen[bytes]]:
    """A process in the group that descends from nobody there; its environment is empty."""
    with subprocess.Popen(command or ("/bin/sleep", "45"), env=env or {}) as process:
        try:
            put(process.pid, group)
            yield process
        finally:
            process.kill()


def put(pid: int, group: str) -> None:
    """Move a process into a group."""
    Path(group, "cgroup.procs").write_text(f"{pid}\n")


def read(pid: int) -> Proc:
    """Look at a process that is there."""
    proc = tree.read(pid)
    assert proc is not None
    return proc


def there(group: str) -> bool:
    """Whether a group is there."""
    return Path(group).exists()
