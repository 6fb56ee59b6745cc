"""What the benchmarks make of their figures: turns, tables, targets."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.model import Column, PartResult, Round, RunResult, Series, Target
from benchmarks.progress import Steps
from benchmarks.report import cell
from benchmarks.rounds import Entrant, order, take_turns
from benchmarks.tables import times_table


class Silent(Steps):
    """Takes progress and shows none."""

    def begin(self, what: str, steps: int) -> None:
        self.what, self.steps, self.done = what, steps, 0

    def advance(self) -> None:
        self.done += 1


def series(key: str, *medians: float) -> Series:
    rounds = tuple(Round(times=(one, one), wall=2 * one) for one in medians)
    return Series(key=key, name=key, rounds=rounds)


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


def test_a_run_is_sound_whatever_its_figures_but_not_with_a_process_left() -> None:
    missed = Target(name="x", bound="at most", limit=1, unit="ms").judge(2.0)
    part = PartResult(name="x", verdicts=(missed,))
    run = RunResult(plan="smoke", machine={}, parts=(part,), left=(), seconds=1.0)
    assert run.sound
    assert not run.model_copy(update={"left": ("4711 sleep",)}).sound
    broken = part.model_copy(update={"failure": "a launch failed"})
    assert not run.model_copy(update={"parts": (broken,)}).sound
