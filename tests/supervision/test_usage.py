"""What processes use, counted by who they are and not by their pids."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from orchestrator.model import ProcessIdentity
from orchestrator.process import tree
from orchestrator.process.identity import identify
from orchestrator.supervision import usage

pytestmark = pytest.mark.skipif(not tree.HAS_PROC, reason="processes are looked at in /proc")


def _used(proc: tree.Proc) -> usage.TreeUse:
    used = usage.TreeUse(count=1)
    usage._measure(proc, used, booted=0.0, open_files=True)  # pyright: ignore[reportPrivateUsage]
    return used


def test_a_process_whose_pid_is_a_strangers_by_now_is_not_shown() -> None:
    proc = tree.read(os.getpid())
    assert proc is not None
    assert [one.pid for one in _used(proc).processes] == [os.getpid()]
    proc.start -= 1

    used = _used(proc)

    assert (used.processes, used.count, used.cpu_s, used.rss_bytes) == ([], 0, 0.0, 0)
    assert used.complete


def test_a_process_that_has_ended_since_the_walk_is_passed_over() -> None:
    proc = tree.read(os.getpid())
    assert proc is not None
    proc.pid = 1 << 22  # no pid is as high

    used = _used(proc)

    assert (used.processes, used.count) == ([], 0)


def test_nothing_is_measured_below_a_stranger() -> None:
    me = identify(os.getpid())
    assert me is not None
    assert usage.measure_tree(me) is not None

    stranger = ProcessIdentity(pid=me.pid, start_ticks=me.start_ticks - 1, boot_id=me.boot_id)

    assert usage.measure_tree(stranger) is None


def test_what_was_used_since_a_look_is_counted_by_who_used_it() -> None:
    proc = tree.read(os.getpid())
    assert proc is not None
    (me,) = _used(proc).processes
    at = me.since + timedelta(hours=1)
    former = me.model_copy(update={"cpu_s": 5.0})
    now = me.model_copy(update={"cpu_s": 7.0})
    young = me.model_copy(update={"since": at + timedelta(seconds=1), "cpu_s": 0.5})
    unseen = me.model_copy(update={"pid": me.pid + 1, "cpu_s": 100.0})

    assert usage.used_since([now], [former], at) == 2.0
    assert usage.used_since([former], [now], at) == 0.0
    assert usage.used_since([young], [former], at) == 0.5
    assert usage.used_since([unseen], [former], at) == 0.0
    assert usage.used_since([], [former], at) == 0.0
