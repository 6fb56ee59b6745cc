"""What the part `launch` makes of its figures."""

from __future__ import annotations

from benchmarks.charts import Bars, Lines
from benchmarks.limits import too_many
from benchmarks.model import Round, Series
from benchmarks.parts.launch.charts import draw
from benchmarks.parts.launch.levels import Level, too_slow
from benchmarks.parts.launch.verdicts import judge


def series(key: str, *medians: float, count: int = 2) -> Series:
    rounds = tuple(Round(times=(one,) * count, wall=count * one) for one in medians)
    return Series(key=key, name=key, rounds=rounds)


def level(count: int, *, floor: float = 1.0, library: float = 2.0, tmux: float = 8.0) -> Level:
    many = (series("floor", floor), series("library", library), series("tmux", tmux))
    return Level(count=count, alone=many, many=many)


def test_launching_is_judged_by_ratios_within_the_rounds() -> None:
    alone = (
        series("popen", 1.0, 10.0, 2.0),
        series("library", 3.0, 30.0, 8.0),
        series("mcp", 10.0, 20.0, 30.0),
    )
    first = level(1, library=9.0)
    verdicts = judge([first, Level(count=20, alone=alone, many=level(20).many)])
    figures = [(verdict.figure, verdict.met) for verdict in verdicts]
    assert figures == [(3.0, True), (0.5, True), (4.0, True), (103.0, True)]


def test_the_number_of_agents_with_which_the_rate_is_worst_counts_but_not_a_single_one() -> None:
    levels = [level(1, library=100.0), level(20), level(200, library=4.0), level(1000)]
    of_floor = judge(levels)[1]
    assert (of_floor.figure, of_floor.met) == (0.25, False)
    assert of_floor.detail == "0.50 with 20, 0.25 with 200, 0.50 with 1000"


def test_a_contender_that_is_not_there_leaves_its_targets_unjudged() -> None:
    alone = (series("popen", 1.0), series("library", 2.0), series("mcp", 10.0))
    verdicts = judge([Level(count=20, alone=alone, many=alone)])
    assert [verdict.met for verdict in verdicts] == [True, None, None, True]


def test_who_would_take_too_long_with_more_agents_is_not_asked_for_them() -> None:
    quick, slow = series("library", 10.0, count=200), series("circus", 100.0, count=200)
    last = Level(count=200, alone=(quick, slow), many=(quick,))
    reasons = too_slow(last, 1000)
    assert list(reasons) == ["circus"]
    assert reasons["circus"].startswith("200 took 20.0 s, so 1000 would take 100 s")


def test_one_launch_says_nothing_about_how_long_many_take() -> None:
    first = series("mcp", 900.0, count=1)
    assert too_slow(Level(count=1, alone=(first,), many=(first,)), 1000) == {}


def test_more_agents_than_there_may_be_descriptors_are_refused_with_the_limit() -> None:
    assert too_many(1, processes=2) is None
    reason = too_many(1 << 40, processes=2)
    assert reason is not None
    assert "open files, and the limit is" in reason


def test_every_contender_has_a_bar_and_a_line_and_ours_are_marked() -> None:
    levels = [level(1), level(20)]
    p50, rate, by_count, *_ = draw(levels, ())
    assert isinstance(p50, Bars)
    assert [(bar.name, bar.ratio, bar.ours) for bar in p50.bars] == [
        ("floor", 1.0, False),
        ("library", 2.0, True),
        ("tmux", 8.0, False),
    ]
    assert isinstance(rate, Bars)
    assert rate.goal == 500.0
    assert isinstance(by_count, Lines)
    assert [line.points for line in by_count.lines] == [
        ((1.0, 1.0), (20.0, 1.0)),
        ((1.0, 2.0), (20.0, 2.0)),
        ((1.0, 8.0), (20.0, 8.0)),
    ]
