"""When a keeper looks at which limit, and what is news then, by a clock on paper."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import model
from orchestrator.process import gauges, tree
from orchestrator.process.limits import LimitWatch, say
from orchestrator.process.tree import Proc

from .watched import limits

if TYPE_CHECKING:
    from orchestrator.process.household import Household
    from orchestrator.process.limits import LimitNews
    from orchestrator.process.wire import LimitsMessage

MB = 1 << 20


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class PaperGroup:
    """A control group with so much memory."""

    def __init__(self, held: int | None = 0) -> None:
        self.held = held

    def memory_bytes(self) -> int | None:
        return self.held


class PaperHouse:
    """A household whose processes have used what a test says: CPU seconds by pid.

    Processes that there are can be added to them.
    """

    def __init__(self, group: PaperGroup | None = None) -> None:
        self.group = group
        self.user_s = 0.0
        self.system_s = 0.0
        self.cpu_s = {1: 0.0}
        self.real: list[Proc] = []
        self.walks = 0

    def alive(self) -> list[Proc]:
        self.walks += 1
        return [
            Proc(pid=pid, ppid=1, pgid=1, sid=1, state="S", start=pid, name="x", cpu_s=seconds)
            for pid, seconds in self.cpu_s.items()
        ] + self.real


class Desk:
    """A watch over a house on paper, with two real output files."""

    def __init__(self, folder: Path, limits: LimitsMessage, *, now: float = 1000.0) -> None:
        self.clock = Clock(now)
        self.group = PaperGroup()
        self.house = PaperHouse(self.group)
        self.out, self.err = folder / "out", folder / "err"
        self.out.touch()
        self.err.touch()
        self.watch = LimitWatch(
            cast("Household", self.house), limits, (str(self.out), str(self.err)), clock=self.clock
        )

    def after(self, seconds: float) -> list[tuple[str, str]]:
        """Look so much later; what is news."""
        self.clock.now += seconds
        return [(news["limit"], news["level"]) for news in self.watch.look()]

    def due(self) -> list[tuple[str, str]]:
        """Look when the next look is due."""
        timeout = self.watch.timeout()
        assert timeout is not None
        return self.after(timeout)

    def write(self, number: int) -> None:
        with self.err.open("ab") as file:
            file.truncate(self.err.stat().st_size + number)


def test_without_limits_there_is_nothing_to_wake_up_for(tmp_path: Path) -> None:
    before = _open_files()
    desk = Desk(tmp_path, limits())
    assert _open_files() == before
    assert desk.watch.timeout() is None
    assert desk.after(1e9) == []
    assert desk.watch.timeout() is None
    desk.watch.pause()
    desk.watch.resume()
    assert desk.watch.timeout() is None


def _open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_the_wall_clock_is_looked_at_twice_and_at_no_other_time(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limits(wall_clock=60))
    assert desk.watch.timeout() == 48
    assert desk.after(47.999) == []
    assert desk.due() == [("wall_clock", "warning")]
    assert desk.watch.timeout() == pytest.approx(12)
    assert desk.after(11.999) == []
    assert desk.due() == [("wall_clock", "exceeded")]
    assert desk.watch.timeout() is None, "the agent is being stopped"
    assert desk.after(1e6) == []
    assert desk.house.walks == 0


@given(
    st.floats(min_value=0.001, max_value=315_360_000),
    st.floats(min_value=0, max_value=1e9),
)
def test_no_deadline_of_the_wall_clock_is_missed_by_a_hair(allowed: float, now: float) -> None:
    clock = Clock(now)
    house = cast("Household", PaperHouse())
    watch = LimitWatch(house, limits(wall_clock=allowed), ("", ""), clock=clock)
    seen: list[str] = []
    for _ in range(2):
        timeout = watch.timeout()
        assert timeout is not None
        # The sum may be less than the time that is due: a wait is never shorter than asked.
        clock.now = max(clock.now + timeout, watch._gauges[0].due)  # pyright: ignore[reportPrivateUsage]
        seen += [news["level"] for news in watch.look()]

    assert seen == ["warning", "exceeded"]


def test_a_warning_that_comes_too_late_is_not_given(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limits(wall_clock=60))
    assert desk.after(70) == [("wall_clock", "exceeded")]


def test_one_excess_is_told_and_then_nothing_more(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limits(wall_clock=60, memory=100, output=100, idle=50))
    desk.group.held = 100
    desk.write(100)
    before = _open_files()
    assert desk.after(60) == [("wall_clock", "exceeded")]
    assert desk.watch.timeout() is None
    assert _open_files() == before - 2, "the output files were let go of"
    assert desk.after(1) == []


def test_what_is_due_together_is_told_together(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limits(memory=100, output=100))
    desk.group.held = 80
    desk.write(99)
    assert desk.after(1) == [("memory", "warning"), ("output", "warning")]


def test_memory_of_a_control_group_is_warned_of_once_and_exceeds_at_its_limit(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path, limits(memory=1000))
    seen: list[tuple[int, str]] = []
    for held in (0, 799, 800, 10, 900, 999, 1000):
        desk.group.held = held
        seen += [(held, level) for _, level in desk.due()]

    assert seen == [(800, "warning"), (1000, "exceeded")]
    assert desk.house.walks == 0, "the kernel counts"


def test_memory_is_that_of_the_processes_where_no_group_counts_it(tmp_path: Path) -> None:
    for group in (None, PaperGroup(None)):
        desk = Desk(tmp_path, limits(memory=1000))
        desk.house.group = group
        desk.due()
        assert desk.house.walks == 1
        desk.watch.close()


@pytest.mark.skipif(not tree.HAS_PROC, reason="processes are read in /proc")
def test_a_child_that_has_not_come_to_its_exec_does_not_count_its_parents_memory_again(
    tmp_path: Path,
) -> None:
    # Until then it has all of it, and until the next look it has come there.
    desk = Desk(tmp_path, limits(memory=MB))
    desk.house.group = None
    me = tree.read(os.getpid())
    assert me is not None
    desk.house.real = [me]
    assert desk.due() == []
    assert desk.due() == [("memory", "exceeded")]


def test_memory_is_looked_at_more_often_from_half_of_its_limit_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limits(memory=1000))
    desk.group.held = 499
    desk.due()
    assert desk.watch.timeout() == 2 * gauges.MEMORY_EVERY
    desk.group.held = 500
    desk.due()
    assert desk.watch.timeout() == gauges.MEMORY_EVERY


def test_a7_output_is_counted_in_both_files_whatever_becomes_of_their_names(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path, limits(output=1000))
    with desk.out.open("ab") as out, desk.err.open("ab") as err:
        out.truncate(400)
        assert desk.due() == []
        desk.out.unlink()
        desk.err.rename(tmp_path / "elsewhere")
        desk.err.touch()
        err.truncate(400)
        assert desk.due() == [("output", "warning")]
        out.truncate(600)
        assert desk.due() == [("output", "exceeded")]


def test_output_files_that_cannot_be_opened_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    outputs = (str(tmp_path / "pipe"), str(tmp_path / "missing"))
    watch = LimitWatch(cast("Household", PaperHouse()), limits(output=10), outputs, clock=Clock(0))
    assert watch.look() == []
    watch.close()


# What the claude CLI uses while a tool sleeps, and while it reads an answer; measured.
@pytest.mark.parametrize(("share", "news"), [(0.03, ["warning", "exceeded"]), (0.14, [])])
def test_a10_an_agent_is_idle_while_it_uses_hardly_any_cpu_time(
    tmp_path: Path, share: float, news: list[str]
) -> None:
    desk = Desk(tmp_path, limits(idle=32))
    seen: list[str] = []
    for _ in range(15):
        if not seen or seen[-1] != "exceeded":
            desk.house.cpu_s[1] += share * 3.2
            seen += [level for _, level in desk.due()]

    assert seen == news


@pytest.mark.parametrize("kind", ["new", "reaped", "grown", "cut"])
def test_a10_any_sign_of_life_ends_an_idle_time(tmp_path: Path, kind: str) -> None:
    desk = Desk(tmp_path, limits(idle=32))
    desk.write(10)
    for _ in range(30):
        for _ in range(6):
            assert desk.due() == []

        match kind:
            case "new":
                desk.house.cpu_s = {1: 0.0, max(desk.house.cpu_s) + 1: 1.0}
            case "reaped":
                desk.house.system_s += 1
            case "grown":
                desk.write(1)
            case _:
                os.truncate(desk.err, 0)
                desk.write(1 if desk.err.stat().st_size else 0)
                kind = "grown"


def test_a_stranger_with_a_pid_of_before_hides_nobodys_cpu_time(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limits(idle=10))
    for seconds in range(50, 10, -2):
        desk.house.cpu_s[2] = float(seconds)
        desk.house.cpu_s[1] += 1
        assert desk.due() == []


def test_a10_frozen_time_is_not_idle_time(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limits(idle=32))
    for _ in range(7):
        assert desk.due() == []

    desk.watch.pause()
    desk.watch.pause()
    assert desk.watch.timeout() is None
    assert desk.after(10_000) == []
    desk.watch.resume()
    desk.watch.resume()
    assert desk.watch.timeout() == pytest.approx(3.2)
    assert [desk.due() for _ in range(3)] == [[("idle", "warning")], [], [("idle", "exceeded")]]


def test_cpu_time_after_a_thaw_is_not_spread_over_the_frozen_time(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limits(idle=32))
    desk.watch.pause()
    desk.after(10_000)
    desk.watch.resume()
    desk.house.cpu_s[1] += 1
    assert [desk.due() for _ in range(9)][-1] == [("idle", "warning")], "the first look saw life"


def test_r5_time_in_which_nobody_looked_is_not_idle_time(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limits(idle=32))
    for _ in range(5):
        assert desk.due() == []

    assert desk.after(10_000) == [], "the machine was suspended: two of ten have passed"
    seen = [desk.due() for _ in range(3)]
    assert seen == [[("idle", "warning")], [], [("idle", "exceeded")]]


def test_frozen_time_counts_for_the_wall_clock(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limits(wall_clock=100, idle=50))
    desk.watch.pause()
    assert desk.watch.timeout() == pytest.approx(80)
    assert desk.after(100) == [("wall_clock", "exceeded")]


@pytest.mark.parametrize(
    ("idle", "every"), [(0.2, gauges.IDLE_SHORTEST), (10, 1.0), (3600, gauges.IDLE_LONGEST)]
)
def test_idleness_is_looked_at_ten_times_within_bounds(
    tmp_path: Path, idle: float, every: float
) -> None:
    desk = Desk(tmp_path, limits(idle=idle))
    assert desk.watch.timeout() == pytest.approx(every)
    desk.due()
    assert desk.watch.timeout() == pytest.approx(every)


def test_the_keepers_side_warns_at_the_share_that_the_model_names() -> None:
    assert gauges.WARN_SHARE == model.WARN_SHARE


def test_what_is_news_is_said_in_words() -> None:
    def words(limit: str, level: str, used: float, allowed: float) -> str:
        news: LimitNews = {"limit": limit, "level": level, "used": used, "allowed": allowed}
        return say(news)

    idle = "(no output, hardly any CPU time)"
    assert words("wall_clock", "exceeded", 60.003, 60) == "limit reached: wall clock 60 s"
    assert words("idle", "exceeded", 31.2, 30) == f"limit reached: idle for 30 s {idle}"
    size = "limit reached: memory 512.3 MB of 512.0 MB"
    assert words("memory", "exceeded", 512.3 * MB, 512 * MB) == size
    size = "limit reached: output 1.2 GB of 1.0 GB"
    assert words("output", "exceeded", 1.2 * 1024 * MB, 1024 * MB) == size
    assert words("output", "exceeded", 700, 600) == "limit reached: output 700 B of 600 B"
    share = "% of the limit:"
    assert words("wall_clock", "warning", 48.0004, 60) == f"80 {share} wall clock 48 s of 60 s"
    assert words("wall_clock", "warning", 0.24, 0.3) == f"80 {share} wall clock 0.24 s of 0.3 s"
    assert words("idle", "warning", 27.9, 30) == f"93 {share} idle for 27.9 s of 30 s {idle}"
    assert (
        words("memory", "warning", 1999 * 1024, 2000 * 1024)
        == f"99 {share} memory 2.0 MB of 2.0 MB"
    )
    month = 2_592_000
    assert words("wall_clock", "exceeded", month, month) == "limit reached: wall clock 2592000 s"
