"""Who is there and who descends from whom, asked of real processes; and signalling exactly one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from queue import Queue
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.process import identity, tree
from tests.support.agents import argv
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from orchestrator.process.tree import Proc
    from tests.support.liveness import Liveness

#: A test that leaves a process fails.
pytestmark = pytest.mark.usefixtures("nobody_below")


@contextmanager
def _process(
    liveness: Liveness, habit: str = "waits", **env: str
) -> Generator[subprocess.Popen[bytes]]:
    """A process with a habit; its whole session is killed at the end of the block."""
    with subprocess.Popen(
        argv(habit), env={**os.environ, **liveness.env, **env}, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            for proc in tree.descendants(process.pid):
                tree.send(proc, signal.SIGKILL)

            process.kill()


def _read(pid: int) -> Proc:
    proc = tree.read(pid)
    assert proc is not None
    return proc


async def test_a_process_is_read_as_the_kernel_knows_it(liveness: Liveness) -> None:
    with anyio.fail_after(10), _process(liveness) as process:
        await liveness.wait_here("leader")
        proc = _read(process.pid)
        assert (proc.pid, proc.ppid) == (process.pid, os.getpid())
        assert proc.pgid == proc.sid == process.pid
        assert not proc.ended
        assert proc.start > _read(os.getpid()).start
        assert tree.start_of(process.pid) == proc.start
        assert process.pid in tree.children(os.getpid())
        process.kill()
        await until(lambda: _read(process.pid).ended)
        assert identity.identify(process.pid) is None, "a zombie is nobody"
        assert process.pid in tree.children(os.getpid()), "but it is a child"

    assert tree.read(process.pid) is None
    assert tree.start_of(process.pid) == 0


@pytest.mark.parametrize("name", ["a) R 1 1", "(", ") (", "x y", "naïve", "\udcff\udcfe"])
async def test_a_name_may_hold_what_it_likes(tmp_path: Path, name: str) -> None:
    with _sleeper(tmp_path / name) as pid:
        await until(lambda: _read(pid).name not in {"python", "python3", "pytest"})
        proc = _read(pid)
        assert os.fsencode(name).decode("utf-8", "replace") == proc.name
        assert tree.start_of(pid) == proc.start
        assert proc.ppid == os.getpid()


@contextmanager
def _sleeper(program: Path) -> Generator[int]:
    """A process of this name; its pid."""
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "30"]) as process:
        try:
            yield process.pid
        finally:
            process.kill()


async def test_descendants_are_found_in_every_session_parents_first(liveness: Liveness) -> None:
    with anyio.fail_after(10), _process(liveness, "has_children") as process:
        await liveness.wait_here("leader", "child", "session", "group")
        found = [proc.pid for proc in tree.descendants(os.getpid())]
        wanted = {guest.pid for guest in liveness.guests}
        assert wanted <= set(found)
        assert min(found.index(pid) for pid in wanted) == found.index(process.pid)
        assert {proc.pid for proc in tree.descendants(process.pid)} == wanted - {process.pid}
        assert wanted <= {proc.pid for proc in tree.everyone()}


async def test_an_environment_is_read_and_a_missing_process_has_none(liveness: Liveness) -> None:
    with anyio.fail_after(10), _process(liveness, MARK="a=b c") as process:
        await liveness.wait_here("leader")
        assert tree.environment(process.pid)["MARK"] == "a=b c"
        process.kill()

    assert tree.environment(process.pid) == {}


async def test_r3_a_process_with_the_same_pid_and_another_start_is_not_signalled(
    liveness: Liveness,
) -> None:
    with anyio.fail_after(10), _process(liveness) as process:
        await liveness.wait_here("leader")
        proc = _read(process.pid)
        who = identity.identify(process.pid)
        assert who is not None
        for ticks in (who.start_ticks - 1, who.start_ticks + 1, 0):
            was = who.model_copy(update={"start_ticks": ticks})
            assert not identity.alive(was)
            assert not identity.send(was, signal.SIGKILL)
            await identity.wait_gone(was)

        elsewhen = who.model_copy(update={"boot_id": "another"})
        assert not identity.alive(elsewhen)
        assert not identity.send(elsewhen, signal.SIGKILL)
        assert not tree.send(_with_start(proc, proc.start - 1), signal.SIGKILL)
        assert identity.alive(who)

        assert tree.send(proc, signal.SIGCONT)
        assert identity.send(who, signal.SIGTERM)
        await identity.wait_gone(who)
        assert process.wait() == -signal.SIGTERM
        assert not identity.alive(who)
        assert not identity.send(who, signal.SIGKILL)
        assert not tree.send(proc, signal.SIGKILL)


def _with_start(proc: Proc, start: int) -> Proc:
    return tree.Proc(
        pid=proc.pid,
        ppid=proc.ppid,
        pgid=proc.pgid,
        sid=proc.sid,
        state=proc.state,
        start=start,
        name=proc.name,
    )


async def test_waiting_for_an_end_is_told_by_the_kernel(liveness: Liveness) -> None:
    with anyio.fail_after(10), _process(liveness) as process:
        await liveness.wait_here("leader")
        who = identity.identify(process.pid)
        assert who is not None
        ended = anyio.Event()

        async def wait() -> None:
            await identity.wait_gone(who)
            ended.set()

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            assert not ended.is_set()
            process.kill()

        assert ended.is_set()


@pytest.mark.parametrize("pgid", [0, 1, os.getpgrp()])
def test_its_own_group_and_everyone_are_never_signalled(pgid: int) -> None:
    with pytest.raises(ValueError, match="refused to signal"):
        tree.send_group(pgid, signal.SIGCONT)


def test_a_group_that_is_gone_is_passed_over() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", ""], start_new_session=True) as process:
        process.wait()

    tree.send_group(process.pid, signal.SIGKILL)


def test_the_child_of_another_thread_of_this_process_is_found() -> None:
    started: Queue[subprocess.Popen[bytes]] = Queue()
    looked = threading.Event()

    def start() -> None:
        with subprocess.Popen(["/bin/sleep", "60"]) as child:
            started.put(child)
            looked.wait()
            child.kill()

    thread = threading.Thread(target=start)
    thread.start()
    try:
        child = started.get()
        assert child.pid in {proc.pid for proc in tree.descendants(os.getpid())}
    finally:
        looked.set()
        thread.join()
