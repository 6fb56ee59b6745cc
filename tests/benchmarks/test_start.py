"""What is made of start times, and that they are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.model import Round, Series
from benchmarks.parts.start import draw, judge
from tests.benchmarks.following import runs_a_part
from tests.benchmarks.test_program import benchmarks, only_part, pytestmark

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["pytestmark"]


def series(key: str, *times: float) -> Series:
    return Series(key=key, name=key, rounds=tuple(Round(times=(one,), wall=one) for one in times))


FLOOR = series("floor", 10.0, 100.0, 20.0)
RELAY = series("relay", 40.0, 400.0, 80.0)


def test_a_relay_is_judged_within_the_rounds() -> None:
    [verdict] = judge([FLOOR, RELAY])
    assert (verdict.figure, verdict.met) == (4.0, False)
    assert judge([RELAY])[0].met is None


def test_a_bar_has_its_ratio_to_the_floor_and_the_goal_is_a_length() -> None:
    chart = draw("k", "t", [FLOOR, RELAY], goal=3)
    floor, relay = chart.bars
    assert (floor.value, floor.ratio, floor.ours) == (20.0, 1.0, False)
    assert (relay.value, relay.ratio, relay.ours) == (80.0, 4.0, True)
    assert chart.goal == pytest.approx(60.0)


def test_a_chart_without_a_goal_has_no_line() -> None:
    assert draw("k", "t", [FLOOR]).goal is None


@runs_a_part
def test_all_starts_are_timed(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    done = benchmarks("start", "--smoke", "--json", str(file))

    assert done.returncode == 0, done.stdout + done.stderr
    run, part = only_part(file)
    assert run.left == ()
    relays, programs = part.series.values()
    assert [one.key for one in relays] == ["floor", "floor-site", "relay", "relay-answer"]
    assert [one.key for one in programs] == [
        *("floor", "version", "help", "ps", "ps-many", "server")
    ]
    assert all(time > 0 for one in (*relays, *programs) for time in one.times)
