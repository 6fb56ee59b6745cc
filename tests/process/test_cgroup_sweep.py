"""Groups of agents whose keepers and nurseries are gone: found by the record, swept, removed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.model import Cookie
from orchestrator.process import tree
from orchestrator.process.cgroup import AgentGroup
from orchestrator.process.cgroup_base import base_name, own_group, recorded_group, remove_stale
from orchestrator.process.sweep import sweep
from tests.support.agents import argv
from tests.support.cgroups import open_folder, read, stranger_in, there
from tests.support.evidence import wait_until
from tests.support.kept import open_kept
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.support.liveness import Liveness

#: A test that leaves a process fails.
pytestmark = pytest.mark.usefixtures("nobody_below")


@pytest.fixture
def base(nobody_below: None) -> Generator[str]:
    """A folder in which groups can be made."""
    with open_folder() as folder:
        yield folder


def test_bases_of_nurseries_that_are_gone_are_removed_unless_someone_lives_in_them(
    base: str,
) -> None:
    me, (*_, namespace) = read(os.getpid()), base.split("-")
    alive = Path(base, base_name())
    recycled = Path(base, f"orchestrator-{me.pid}-{me.start - 1}-{namespace}")
    with subprocess.Popen(["/bin/true"]) as ended:
        ended.wait()

    left, inhabited = (
        Path(base, f"orchestrator-{ended.pid}-{start}-{namespace}") for start in (1, 2)
    )
    names = ("orchestrator", "orchestrator-x-1-1", "orchestrator-1-1", "user.slice")
    others = [Path(base, name) for name in names]
    for folder in (alive, recycled, left / "agent.1", inhabited / "agent.1", *others):
        folder.mkdir(parents=True)

    with stranger_in(str(inhabited / "agent.1")):
        remove_stale(base)
        there = {entry.name for entry in Path(base).iterdir() if entry.is_dir()}
        assert there == {folder.name for folder in (alive, inhabited, *others)}

    remove_stale(base)
    assert not inhabited.exists()
    for folder in (alive, *others):
        folder.rmdir()


def test_a_base_of_another_pid_namespace_stays_as_long_as_that_is_there(base: str) -> None:
    if os.readlink("/proc/self/ns/pid") != "pid:[4026531836]":  # noqa: PTH115
        pytest.skip("not in the first pid namespace: who lives in another cannot be seen")

    command = ("unshare", "--pid", "--fork", "--kill-child", "/bin/sleep", "45")
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            child = wait_until(lambda: _child_elsewhere(process), "it has started, or not")
            if process.poll() is not None:
                pytest.skip(f"no pid namespace can be made: {process.communicate()[1]!r}")

            # Its pid is nobody's here, or a stranger's.
            folder = Path(base, f"orchestrator-1-1-{_namespace(child)}")
            folder.mkdir()
            remove_stale(base)
            assert folder.exists()
        finally:
            process.kill()

    os.waitpid(child, 0)  # an orphan now, and as long as it is a zombie its namespace is there
    remove_stale(base)
    assert not folder.exists()


def _child_elsewhere(process: subprocess.Popen[bytes]) -> int:
    """A child that is in another pid namespace; not 0 either when there will never be one."""
    if process.poll() is not None:
        return -1

    pids = tree.children(process.pid)
    return next((pid for pid in pids if _namespace(pid) not in {"", _namespace(os.getpid())}), 0)


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")[5:-1]  # noqa: PTH115
    except OSError:
        return ""


async def test_o7_a_recorded_group_is_swept_with_whoever_is_in_it_and_removed(
    base: str, tmp_path: Path, liveness: Liveness
) -> None:
    made = AgentGroup.make(base, "agent-1")
    assert made is not None
    group = recorded_group(made.path, "agent-1")
    assert group is not None
    work = tmp_path / "work"
    saves = argv("saves_its_work", str(work))
    with anyio.fail_after(20), stranger_in(group.path, *saves, env=liveness.env) as stranger:
        await liveness.wait_here("leader")
        assert group.freeze()
        swept = await sweep(
            Cookie("of nobody"),
            variable="COOKIE",
            not_before=read(stranger.pid).start,
            cgroup=group,
            grace=20.0,
        )
        assert stranger.wait() == 0

    assert work.read_text() == "saved", "it was thawed, and got its grace"
    assert [note.pid for note in swept] == [stranger.pid]
    assert not there(group.path)


async def test_a_bomb_in_a_recorded_group_is_swept(
    base: str, tmp_path: Path, liveness: Liveness
) -> None:
    command = argv("forks_with_setsid")
    with anyio.fail_after(40):
        async with open_kept(tmp_path, *command, base=base, env=liveness.env) as kept:
            await liveness.wait_here("leader", "forking")
            assert kept.group is not None
            swept = await sweep(
                Cookie("of nobody"),
                variable="COOKIE",
                not_before=read(kept.leader).start,
                cgroup=AgentGroup(kept.group),
                grace=0.0,
            )
            await liveness.wait_gone()

    assert kept.leader in {note.pid for note in swept}
    assert not there(kept.group)


async def test_r3_a_sweep_spares_who_is_older_than_the_agent_although_it_is_in_its_group(
    base: str,
) -> None:
    group = AgentGroup.make(base, "agent")
    assert group is not None
    with anyio.fail_after(20), stranger_in(group.path) as older:
        born = read(older.pid).start
        await until(lambda: _ticks() > born)
        with stranger_in(group.path) as younger:
            swept = await sweep(
                Cookie("of nobody"),
                variable="COOKIE",
                not_before=born + 1,
                cgroup=group,
                grace=0.0,
            )
            assert younger.wait() == -signal.SIGKILL

        assert older.poll() is None
        assert read(older.pid).state == "S"

    assert [note.pid for note in swept] == [younger.pid]
    assert group.remove()


def _ticks() -> int:
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


def test_r3_only_a_folder_that_is_certainly_the_agents_is_taken_from_the_record(base: str) -> None:
    group = AgentGroup.make(base, "agent-1")
    assert group is not None
    own = own_group() or ""
    try:
        assert recorded_group(group.path, "agent-1") is not None
        for path, name in (
            (None, "agent-1"),
            (group.path, "agent-2"),
            (group.path, "agent"),
            (f"{base}/agent-1.7", "agent-1"),
            (f"{base}/../{Path(base).name}/{Path(group.path).name}", "agent-1"),
            (group.path + "/", "agent-1"),
            (base, Path(base).name),
            (own, "unified"),
            (f"{own}/agent-1.7", "agent-1"),
            ("agent-1.7", "agent-1"),
            ("", ""),
        ):
            assert recorded_group(path, name) is None, path

        assert recorded_group(group.path, "agent-1", mountinfo=os.devnull) is None
    finally:
        assert group.remove()
