"""What the part `stop` makes of its figures."""

from __future__ import annotations

from benchmarks.parts.stop import too_slow
from benchmarks.parts.stop.attempt import Ending
from benchmarks.parts.stop.verdicts import Turns, judge, over
from benchmarks.parts.stop.ways import END_OF_INPUT, LIBRARY, OURS


def ending(agents_ms: float, *, left: int = 0, turn: float = 1.0) -> Ending:
    house_ms = None if left else agents_ms
    return Ending(agents_ms=agents_ms, house_ms=house_ms, left=left, turn=turn)


def turns(**times: float) -> Turns:
    return {key: [ending(time)] for key, time in times.items()}


def test_of_several_stops_the_worst_one_counts() -> None:
    slow: Turns = {END_OF_INPUT: [ending(200.0), ending(1200.0)]}
    down, left, *_ = judge({20: slow}, OURS)
    assert (down.figure, down.met) == (1.2, False)
    assert (left.figure, left.met) == (0, True)


def test_a_stop_that_leaves_somebody_has_no_time_at_which_all_were_gone() -> None:
    leaky: Turns = {END_OF_INPUT: [ending(200.0), ending(10.0, left=1)]}
    down, left, *_ = judge({20: leaky}, OURS)
    assert down.figure is None
    assert (left.figure, left.met) == (1, False)


def test_who_leaves_processes_with_any_number_of_agents_has_left_them() -> None:
    levels = {20: turns(library=10.0), 200: {LIBRARY: [ending(10.0, left=3)]}}
    assert judge(levels, OURS)[1].figure == 3


def test_stops_are_compared_turn_by_turn_at_two_hundred_agents() -> None:
    few = turns(floor=1.0, library=100.0, supervisord=1.0, circus=1.0, tmux=1.0)
    many: Turns = {
        "floor": [ending(10.0), ending(100.0)],
        LIBRARY: [ending(40.0), ending(400.0)],
        "supervisord": [ending(80.0), ending(800.0)],
        "tmux": [ending(20.0), ending(200.0)],
    }
    most = turns(floor=1.0, library=100.0)
    compared = judge({20: few, 200: many, 1000: most}, OURS)[2:]
    assert [(one.figure, one.met) for one in compared] == [
        (4.0, True),
        (0.5, True),
        (None, None),
        (2.0, False),
    ]
    assert all("200 agents" in one.target.name for one in compared)


def test_a_faster_one_that_leaves_processes_is_said_to_leave_them() -> None:
    tried: Turns = {LIBRARY: [ending(10.0)], "tmux": [ending(5.0, left=200)]}
    of_tmux = judge({200: tried}, OURS)[-1]
    assert (of_tmux.figure, of_tmux.met) == (2.0, False)
    assert of_tmux.detail.startswith("tmux leaves 200 of 600 processes; agents 10 ms, with keepers")


def test_fewer_agents_stand_for_two_hundred_where_nobody_tried_these() -> None:
    levels = {20: turns(floor=1.0, library=9.0), 100: turns(floor=1.0, library=3.0)}
    of_floor = judge(levels, OURS)[2]
    assert (of_floor.figure, of_floor.met) == (3.0, True)
    assert "100 agents" in of_floor.target.name


def test_a_way_that_was_not_tried_has_no_ratio() -> None:
    assert over(turns(floor=1.0), LIBRARY, "floor") is None
    assert over({"floor": [], LIBRARY: []}, LIBRARY, "floor") is None


def test_who_would_take_too_long_is_not_tried_with_more_agents() -> None:
    tried: Turns = {
        LIBRARY: [ending(1.0, turn=2.0)],
        "circus": [ending(1.0, turn=20.0), ending(1.0, turn=10.0)],
    }
    reasons = too_slow(200, tried, 1000)
    assert list(reasons) == ["circus"]
    assert "1000 would take 50 s" in reasons["circus"]
