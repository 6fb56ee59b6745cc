"""What the benchmarks make of their figures: turns, tables, targets."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.model import Column, PartResult, Round, RunResult, Series, Target
from benchmarks.parts import idle, launch, stop
from benchmarks.progress import Steps
from benchmarks.report import cell
from benchmarks.rounds import Entrant, order, take_turns
from benchmarks.tables import times_table
from benchmarks.vitals import Vitals


class Silent(Steps):
    """Takes progress and shows none."""

    def begin(self, what: str, steps: int) -> None:
        self.what, self.steps, self.done = what, steps, 0

    def advance(self) -> None:
        self.done += 1


def series(key: str, *medians: float) -> Series:
    rounds = tuple(Round(times=(one, one), wall=2 * one) for one in medians)
    return Series(key=key, name=key, rounds=rounds)


def vitals(*, wakeups: int = 0, pss: int = 1_000_000) -> Vitals:
    return Vitals(wakeups=wakeups, cpu_ms=0.0, pss=pss, descriptors=6, threads=1)


def rest(role: str, *, house: str, woken: int = 0, pss: int = 1_000_000) -> idle.Rest:
    return idle.Rest(
        house=house,
        name=house,
        role=role,
        seconds=2.0,
        before=(vitals(wakeups=10),),
        after=(vitals(wakeups=10 + woken, pss=pss),),
    )


@pytest.mark.parametrize(
    ("bound", "figure", "met"),
    [
        ("at most", 4.9, True),
        ("at most", 5.0, True),
        ("at most", 5.1, False),
        ("at least", 4.9, False),
        ("at least", 5.0, True),
        ("at least", None, None),
    ],
)
def test_a_target_is_met_at_its_limit_and_never_without_a_figure(
    bound: str, figure: float | None, met: bool | None
) -> None:
    target = Target.model_validate({"name": "x", "bound": bound, "limit": 5, "unit": "ms"})
    assert target.judge(figure).met is met


def test_everyone_comes_first_equally_often() -> None:
    firsts = Counter(order("abc", number)[0] for number in range(9))
    assert firsts == {"a": 3, "b": 3, "c": 3}
    assert order("abc", 1) == ["b", "c", "a"]


def test_in_every_round_everyone_has_one_turn() -> None:
    log: list[str] = []

    def turn(session: str) -> Round:
        log.append(session)
        return Round(times=(float(len(log)),), wall=1.0)

    entrants = [Entrant(key, key.upper(), key) for key in ("a", "b")]
    steps = Silent()
    found = take_turns(entrants, turn, rounds=3, what="x", steps=steps)

    assert log == ["a", "b", "b", "a", "a", "b"]
    assert [(one.key, one.times) for one in found] == [
        ("a", (1.0, 4.0, 5.0)),
        ("b", (2.0, 3.0, 6.0)),
    ]
    assert steps.done == steps.steps == 6


def test_a_table_compares_every_line_with_the_floor() -> None:
    table = times_table(
        "t", [series("popen", 1.0, 2.0), series("library", 4.0, 8.0)], floor="popen"
    )
    floor, library = table.rows
    assert floor[0:3] == ("popen", 4, 1.5)
    assert library[-2:] == (4.0, 0.25)


def test_a_table_without_its_floor_has_no_ratios() -> None:
    table = times_table("t", [series("library", 4.0)], floor="popen")
    assert table.rows[0][-2:] == (None, None)
    assert cell(None, Column(name="x")) == "-"


def test_launching_is_judged_by_ratios_within_the_rounds() -> None:
    alone = [
        series("popen", 1.0, 10.0, 2.0),
        series("library", 4.0, 40.0, 8.0),
        series("mcp", 10.0, 20.0, 30.0),
        series("tmux", 16.0, 160.0, 32.0),
    ]
    many = [series("library", 1.0), series("tmux", 2.0)]
    figures = [(verdict.figure, verdict.met) for verdict in launch.judge(alone, many)]
    assert figures == [(4.0, True), (8.0, False), (4.0, True), (2.0, False), (103.0, True)]


def test_a_contender_that_is_not_there_leaves_its_targets_unjudged() -> None:
    alone = [series("popen", 1.0), series("library", 4.0), series("mcp", 10.0)]
    met = [verdict.met for verdict in launch.judge(alone, [series("library", 1.0)])]
    assert met == [True, True, None, None, True]


def test_of_several_stops_the_worst_one_counts() -> None:
    quick = stop.Ending(agents_ms=200.0, house_ms=300.0, left=0)
    slow = stop.Ending(agents_ms=1200.0, house_ms=1300.0, left=0)
    assert [one.met for one in stop.judge([quick, quick])] == [True, True]
    assert [one.met for one in stop.judge([quick, slow])] == [False, True]


def test_a_stop_that_leaves_somebody_has_no_time_at_which_all_were_gone() -> None:
    leaky = stop.Ending(agents_ms=10.0, house_ms=None, left=1)
    time, left = stop.judge([leaky])
    assert time.figure is None
    assert (left.figure, left.met) == (1, False)


def test_one_wake_up_of_anybody_in_the_house_misses_the_target() -> None:
    found = [
        rest("orchestrator", house="library"),
        rest("keepers", house="library", woken=1, pss=1_400_000),
        rest("orchestrator", house="mcp"),
        rest("keepers", house="mcp", pss=1_600_000),
    ]
    figures = [(verdict.figure, verdict.met) for verdict in idle.judge(found)]
    assert figures == [(0.5, False), (1.4, True), (0.0, True), (1.6, False)]


def test_a_run_is_sound_whatever_its_figures_but_not_with_a_process_left() -> None:
    missed = Target(name="x", bound="at most", limit=1, unit="ms").judge(2.0)
    part = PartResult(name="x", verdicts=(missed,))
    run = RunResult(plan="smoke", machine={}, parts=(part,), left=(), seconds=1.0)
    assert run.sound
    assert not run.model_copy(update={"left": ("4711 sleep",)}).sound
    broken = part.model_copy(update={"failure": "a launch failed"})
    assert not run.model_copy(update={"parts": (broken,)}).sound
