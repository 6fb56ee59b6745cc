"""What a keeper sees of the limits of real agents, and what is read of their processes for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.process import gauges, ps, tree
from orchestrator.process.tree import Proc
from tests.support.agents import argv
from tests.support.evidence import ask_until, wait_until

from .watched import limits, watched

if TYPE_CHECKING:
    from tests.support.liveness import Liveness

MB = 1 << 20

needs_proc = pytest.mark.skipif(
    not tree.HAS_PROC, reason="without /proc memory that is shared counts for each process"
)


async def test_a10_an_agent_that_does_nothing_is_idle(tmp_path: Path, liveness: Liveness) -> None:
    async with watched(tmp_path, liveness, limits(idle=1), *argv("waits")) as agent:
        excess = await agent.excess()

    assert agent.warned() == ["idle"]
    assert excess["limit"] == "idle"
    assert excess["used"] >= 1
    assert excess["said"] == "limit reached: idle for 1 s (no output, hardly any CPU time)"


@pytest.mark.parametrize("how", ["itself", "children", "unwaited"])
async def test_a10_an_agent_that_computes_is_not_idle_but_runs_out_of_time(
    tmp_path: Path, liveness: Liveness, how: str
) -> None:
    allowed = limits(idle=1, wall_clock=2)
    async with watched(tmp_path, liveness, allowed, *argv("burns", how)) as agent:
        excess = await agent.excess()

    # A warning is given if a look falls into the last fifth of a limit, which nobody can promise.
    assert excess["said"] == "limit reached: wall clock 2 s"
    assert [news["limit"] for news in agent.news if news["level"] == "exceeded"] == ["wall_clock"]


async def test_a10_an_agent_that_writes_is_not_idle(tmp_path: Path, liveness: Liveness) -> None:
    allowed = limits(idle=1, wall_clock=2)
    async with watched(tmp_path, liveness, allowed, *argv("writes_slowly")) as agent:
        excess = await agent.excess()

    assert excess["limit"] == "wall_clock"
    assert set(agent.warned()) <= {"wall_clock"}


async def test_a10_a_frozen_agent_is_not_idle_and_its_time_runs_on(
    tmp_path: Path, liveness: Liveness
) -> None:
    allowed = limits(idle=1, wall_clock=4)
    async with watched(tmp_path, liveness, allowed, *argv("burns", "itself")) as agent:
        left = await agent.ask("freeze")
        assert left is not None
        assert left > 1.2, "the next look is that at the wall clock"

        async def longer_than_it_may_be_idle() -> bool:
            now = await agent.ask("look")
            return now is not None and now < left - 1.2

        await ask_until(longer_than_it_may_be_idle, "its time runs on")
        assert await agent.ask("thaw") is not None
        assert (await agent.excess())["limit"] == "wall_clock"

    assert set(agent.warned()) <= {"wall_clock"}


async def test_a10_memory_is_counted_in_every_session(tmp_path: Path, liveness: Liveness) -> None:
    habit = argv("holds_memory", "alone", "100")
    async with watched(tmp_path, liveness, limits(memory=120 * MB), *habit) as agent:
        await liveness.wait_here("holder")
        warning = await agent.next_news()
        assert warning["level"] == "warning"
        assert 96 * MB <= warning["used"] < 120 * MB
        await agent.ask("look")
        os.kill(liveness.pid("holder"), signal.SIGUSR1)
        excess = await agent.excess()

    assert agent.warned() == ["memory"]
    assert excess["used"] >= excess["allowed"] == 120 * MB
    assert excess["said"].startswith("limit reached: memory ")
    assert excess["said"].endswith(" MB of 120.0 MB")


@needs_proc
async def test_memory_that_several_processes_share_counts_once(
    tmp_path: Path, liveness: Liveness
) -> None:
    # Five of them have 60 MB: 300 if it counted for each, 60 and some for what is theirs alone.
    habit = argv("holds_memory", "shared", "60")
    async with watched(tmp_path, liveness, limits(memory=180 * MB), *habit) as agent:
        await liveness.wait_here("sharer", times=4)
        # Once a second, which is four looks at most, it is found out who is there.
        await agent.wait_looks(8)
        assert agent.news == []
        for guest in liveness.guests:
            if guest.word == "sharer":
                os.kill(guest.pid, signal.SIGUSR1)

        assert (await agent.excess())["limit"] == "memory"


@needs_proc
async def test_memory_counts_when_the_main_thread_has_ended(
    tmp_path: Path, liveness: Liveness
) -> None:
    habit = argv("holds_memory", "thread", "60")
    async with watched(tmp_path, liveness, limits(memory=60 * MB), *habit) as agent:
        excess = await agent.excess()

    assert excess["limit"] == "memory"


async def test_a7_output_beyond_its_limit_is_told(tmp_path: Path, liveness: Liveness) -> None:
    allowed = limits(output=20 * MB)
    async with watched(tmp_path, liveness, allowed, *argv("writes_much", "lines")) as agent:
        excess = await agent.excess()

    assert excess["limit"] == "output"
    assert excess["used"] >= 20 * MB
    assert excess["said"].endswith(" MB of 20.0 MB")


@pytest.mark.parametrize("seconds", [7200, -7200])
async def test_r5_a_jump_of_the_wall_clock_makes_no_limit_early_or_late(
    tmp_path: Path, liveness: Liveness, seconds: int
) -> None:
    long = limits(wall_clock=3600, idle=3600)
    async with watched(tmp_path, liveness, long, *argv("waits")) as agent:
        await liveness.wait_here("leader")
        await agent.ask(f"jump {seconds}")
        # A byte of output has the time of the clock that jumped.
        os.utime(tmp_path / "out", (seconds, seconds))
        timeout = await agent.ask("look")
        assert timeout is not None
        assert timeout <= gauges.IDLE_LONGEST
        assert agent.news == []

    short = limits(wall_clock=60, idle=1)
    async with watched(tmp_path, liveness, short, *argv("waits")) as agent:
        await agent.ask(f"jump {seconds}")
        assert (await agent.excess())["limit"] == "idle"


@needs_proc
def test_a_process_tells_the_cpu_time_of_children_that_it_waited_for() -> None:
    before = _read(os.getpid()).cpu_s
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    with subprocess.Popen([sys.executable, "-S", "-c", burn]) as child:
        wait_until(lambda: _read(child.pid).cpu_s >= 0.2, "its own time")

    assert _read(os.getpid()).cpu_s - before >= 0.25


@needs_proc
def test_a_share_of_memory_is_that_of_a_process_that_is_there() -> None:
    me = _read(os.getpid())
    assert 0 < tree.memory_share(me) <= me.rss * 1.1
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as child:
        wait_until(lambda: _read(child.pid).name.startswith("python"), "its program")
        proc = _read(child.pid)
        assert tree.memory_share(proc) > 0
        child.kill()

    assert tree.memory_share(proc) == 0, "it is gone"


def _read(pid: int) -> Proc:
    proc = tree.read(pid)
    assert proc is not None
    return proc


@needs_proc
@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="there is no ps to compare with")
def test_ps_says_the_same_as_proc() -> None:
    said = {seen["pid"]: Proc(**seen, start=0) for seen in ps.listed()}
    me, times = _read(os.getpid()), os.times()
    mine = said[me.pid]
    assert (mine.ppid, mine.pgid, mine.name) == (me.ppid, me.pgid, me.name)
    assert abs(mine.rss - me.rss) < me.rss / 2
    assert abs(mine.cpu_s - times.user - times.system) < 2
    children = [proc for proc in said.values() if proc.ppid == me.pid]
    assert not any(proc.name == "ps" for proc in children), "not the one that was asked"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0:00.07", 0.07), ("0:01,50", 1.5), ("61:01.00", 3661), ("1-02:03:04", 93_784)],
)
def test_a_time_of_ps_is_read(text: str, seconds: float) -> None:
    assert ps.seconds(text) == seconds
