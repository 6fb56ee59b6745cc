"""What one process uses, read from /proc: the same as psutil says, and of nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from orchestrator.process import tree
from orchestrator.process.identity import identify
from orchestrator.supervision import figures
from orchestrator.supervision.figures import Figures, measure_process, waited_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.process.tree import Proc

pytestmark = pytest.mark.skipif(not tree.HAS_PROC, reason="processes are looked at in /proc")

#: Works, waits for a child that has worked, says so, and rests until the end of its input.
BUSY = """
import os, sys, time
child = os.fork()
while time.process_time() < 0.05:
    pass
if not child:
    os._exit(0)
os.waitpid(child, 0)
os.open(os.devnull, os.O_RDONLY)
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def rested() -> Iterator[Proc]:
    """A process that has worked, as its child has, and does nothing any more."""
    with subprocess.Popen(
        [sys.executable, "-I", "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"\n"
        proc = tree.read(child.pid)
        assert proc is not None
        yield proc


def _by_psutil(proc: Proc) -> Figures:
    found = figures._by_psutil(proc, open_files=True)  # pyright: ignore[reportPrivateUsage]
    assert found is not None
    return found


def test_proc_and_psutil_tell_the_same(rested: Proc) -> None:
    found = measure_process(rested, open_files=True)

    assert found is not None
    wanted = _by_psutil(rested)
    assert found.own_s == pytest.approx(wanted.own_s, abs=0.02)
    assert found._replace(own_s=0.0, created=None) == wanted._replace(own_s=0.0, created=None)
    assert found.own_s > 0.03
    assert found.children_s > 0.03
    assert found.rss_bytes > 1_000_000
    assert found.open_files is not None
    assert found.open_files >= 4


def test_descriptors_are_counted_when_asked_for_alone(rested: Proc) -> None:
    found = measure_process(rested, open_files=False)

    assert found is not None
    assert found.open_files is None


def test_a_stranger_with_the_same_pid_is_not_measured(rested: Proc) -> None:
    identity = identify(rested.pid)
    assert identity is not None
    assert waited_seconds(identity) == pytest.approx(_by_psutil(rested).children_s)

    for change in ({"start_ticks": identity.start_ticks - 1}, {"boot_id": "another boot"}):
        assert waited_seconds(identity.model_copy(update=change)) is None

    rested.start -= 1
    assert measure_process(rested, open_files=True) is None


def test_a_zombie_has_waited_for_nobody_any_more(rested: Proc) -> None:
    identity = identify(rested.pid)
    assert identity is not None
    os.kill(rested.pid, signal.SIGKILL)
    os.waitid(os.P_PID, rested.pid, os.WEXITED | os.WNOWAIT)

    assert tree.read(rested.pid) is not None
    assert waited_seconds(identity) is None


def test_a_process_that_may_not_be_looked_at_is_said_to_be_so(
    rested: Proc, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(process: psutil.Process) -> None:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(tree, "HAS_PROC", False)
    monkeypatch.setattr(psutil.Process, "num_threads", refuse)

    with pytest.raises(PermissionError):
        measure_process(rested, open_files=True)


def test_without_proc_psutil_is_asked(rested: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = _by_psutil(rested)
    monkeypatch.setattr(tree, "HAS_PROC", False)
    rested.start = 0

    assert measure_process(rested, open_files=True) == wanted
    rested.pid = 1 << 22  # no pid is as high
    assert measure_process(rested, open_files=True) is None
