"""What the soak draws and judges: its plan, its ends, its lines, its figures."""

from __future__ import annotations

import signal
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.soaking.ends import Recorded, complain, expected_ends, recorded
from benchmarks.soaking.lines import missing
from benchmarks.soaking.model import Finding, LifeReport, Sample, SoakReport, Wrong
from benchmarks.soaking.plan import (
    AT_ONCE,
    WAYS,
    Launch,
    Life,
    draw_cycle,
    draw_last,
    draw_lives,
)
from benchmarks.soaking.samples import samples
from benchmarks.soaking.slope import slope, steady_slope
from benchmarks.soaking.tables import failure, part_result
from benchmarks.soaking.verdicts import judge

if TYPE_CHECKING:
    from benchmarks.soaking.plan import Fate, Habit, House

SEEDS = st.integers(min_value=0, max_value=10**6)
CYCLES = st.integers(min_value=1, max_value=400)


# ------------------------------------------------------------------------------------- the plan
@given(SEEDS, CYCLES)
def test_lives_follow_each_other_until_all_cycles_are_run(seed: int, cycles: int) -> None:
    lives = list(draw_lives(seed, cycles))
    assert [life.first + index for life in lives for index in life.cycles] == list(range(cycles))
    assert [life.number for life in lives] == list(range(len(lives)))


@given(SEEDS, CYCLES, st.data())
def test_a_part_of_a_run_has_the_choices_of_the_whole(
    seed: int, cycles: int, data: st.DataObject
) -> None:
    begin = data.draw(st.integers(0, cycles - 1))
    last = data.draw(st.integers(begin, cycles - 1))
    whole = {life.number: life for life in draw_lives(seed, cycles)}
    part = list(draw_lives(seed, cycles, from_cycle=begin, to_cycle=last))

    numbers = [life.first + index for life in part for index in life.cycles]
    assert numbers == list(range(begin, last + 1))
    for life in part:
        same = whole[life.number]
        assert (life.house, life.backend, life.way) == (same.house, same.backend, same.way)
        assert draw_last(seed, life) == draw_last(seed, same)
        for index in life.cycles:
            assert draw_cycle(seed, life, index) == draw_cycle(seed, same, index)


@given(SEEDS)
def test_as_many_lives_as_there_are_ways_end_in_each_way_once(seed: int) -> None:
    lives = list(draw_lives(seed, 500))[: len(WAYS)]
    assert {life.way.name for life in lives} == {way.name for way in WAYS}


@given(SEEDS)
def test_what_is_drawn_can_be_done(seed: int) -> None:
    for life in draw_lives(seed, 60):
        last = draw_last(seed, life)
        for launch in last:
            assert launch.fate not in {"itself", "told", "stopped", "killed"}
            assert launch.durable == (launch.fate in {"adopted", "gap"}) or launch.fate == "victim"

        for index in life.cycles:
            for launch in draw_cycle(seed, life, index).launches:
                assert (launch.habit in AT_ONCE) == (launch.fate == "itself")
                assert launch.fate != "killed" or life.house == "library"
                assert launch.fate not in {"left", "flight", "adopted", "gap"}


def test_other_seeds_draw_other_runs() -> None:
    drawn = [list(draw_lives(seed, 200)) for seed in range(5)]
    assert all(one != other for one, other in pairwise(drawn))


# --------------------------------------------------------------------------------- how they end
def agent(habit: Habit, fate: Fate, number: int = 7) -> Launch:
    return Launch(habit=habit, number=number, fate=fate)


@pytest.mark.parametrize(
    ("launch", "house", "ends"),
    [
        (agent("ends", "itself"), "mcp", (("code", 7),)),
        (agent("dies", "itself", 11), "mcp", (("signal", 11),)),
        (agent("daemon", "told"), "library", (("code", 7),)),
        (agent("daemon", "gap"), "mcp", (("code", 7),)),
        (agent("tool", "stopped"), "library", (("signal", signal.SIGTERM),)),
        (agent("tool", "stopped"), "mcp", (("signal", signal.SIGINT),)),
        (agent("stubborn", "left"), "mcp", (("signal", signal.SIGKILL),)),
        (agent("stubborn", "killed"), "library", (("signal", signal.SIGKILL),)),
        (agent("group", "victim"), "library", ()),
    ],
)
def test_an_agent_has_to_end_as_its_habit_and_its_fate_want_it(
    launch: Launch, house: House, ends: tuple[tuple[str, int], ...]
) -> None:
    assert expected_ends(launch, house) == ends


def test_a_later_signal_may_have_ended_an_agent_only_once_it_was_due() -> None:
    launch = agent("tool", "stopped")
    assert expected_ends(launch, "mcp", stop_s=0.4) == (("signal", signal.SIGINT),)
    assert expected_ends(launch, "mcp", stop_s=0.6)[1:] == (("signal", signal.SIGTERM),)
    assert expected_ends(launch, "mcp", stop_s=1.8)[2:] == (("signal", signal.SIGKILL),)


def seen(end: tuple[str, int] | None, verdict: str | None, kind: str = "exited") -> Recorded:
    return Recorded(kind=kind, owner="orc-1", end=end, verdict=verdict)


@pytest.mark.parametrize(
    ("launch", "found"),
    [
        (agent("ends", "itself"), seen(("code", 7), "failed")),
        (agent("ends", "itself", 0), seen(("code", 0), "completed")),
        (agent("tool", "left"), seen(("signal", 15), "terminated")),
        (agent("tool", "victim"), seen(None, None, "lost")),
        (agent("tool", "flight"), seen(("signal", 9), "terminated")),
        (agent("tool", "flight"), None),
    ],
)
def test_an_end_that_is_on_record_as_it_was_is_right(
    launch: Launch, found: Recorded | None
) -> None:
    assert complain(launch, "library", found) is None


@pytest.mark.parametrize(
    ("launch", "found", "said"),
    [
        (agent("ends", "itself"), None, "not on record"),
        (agent("ends", "itself"), seen(("code", 8), "failed"), "exited code 8"),
        (agent("ends", "itself"), seen(("code", 7), "completed"), "was failed"),
        (agent("ends", "itself"), seen(None, None, "lost"), "lost"),
        (agent("tool", "left"), seen(None, None, "running"), "running"),
        (agent("tool", "left"), seen(("signal", 9), "terminated"), "signal 15"),
        (agent("tool", "victim"), seen(("signal", 9), "failed"), "keeper was killed"),
        (agent("tool", "flight"), seen(None, None, "starting"), "starting"),
    ],
)
def test_an_end_that_is_not_on_record_as_it_was_is_named(
    launch: Launch, found: Recorded | None, said: str
) -> None:
    complaint = complain(launch, "library", found)
    assert complaint is not None
    assert said in complaint


def test_survivors_of_a_stop_are_read_from_its_receipt() -> None:
    outcome = {
        "exit": {"kind": "signal", "signal": 15},
        "verdict": "terminated",
        "receipt": {"survivors": [{"pid": 4711}], "duration_ms": 250.0},
    }
    found = recorded({"owner": "orc-1", "state": {"kind": "exited", "outcome": outcome}})
    assert found == Recorded("exited", "orc-1", ("signal", 15), "terminated", 1, 0.25)
    complaint = complain(agent("tool", "stopped"), "library", found)
    assert complaint == "its stop left 1 processes"


# ------------------------------------------------------------------------------------- the log
BEGUN = "2026-01-15T10:15:00 orchestrator 14104: shutdown begun reason='SIGTERM' agents=1"
DONE = "2026-01-15T10:15:00 orchestrator 14104: shutdown done reason='SIGTERM' agents=1 left=0 ms=1"
GOES_ON = (
    "2026-01-15T10:15:02 orchestrator 14104: shutdown goes on under the keepers reason='SIGTERM'"
    " agents=1 unfinished=1 ms=2000"
)
CUT_OFF = (
    "2026-01-15T10:15:05 orchestrator 15000: orchestrator orc-588b266393e1 pid=14104 was cut off"
    " in its shutdown (SIGTERM); settled agents=1"
)
KILLED = (
    "2026-01-15T10:15:05 orchestrator 15000: orchestrator orc-588b266393e1 pid=14104 was killed;"
    " settled agents=1"
)
OTHER = BEGUN.replace("14104", "1410")


@pytest.mark.parametrize(
    ("lines", "orderly"),
    [
        ((OTHER, BEGUN, DONE), True),
        ((BEGUN, GOES_ON, CUT_OFF), True),
        ((KILLED,), False),
        ((BEGUN, CUT_OFF), False),
    ],
)
def test_a_shutdown_with_all_its_lines_is_clean(lines: tuple[str, ...], orderly: bool) -> None:
    assert missing("\n".join(lines), 14104, orderly=orderly) is None


@pytest.mark.parametrize(
    ("lines", "orderly", "said"),
    [
        ((), True, "did not begin"),
        ((OTHER, DONE), True, "did not begin"),
        ((BEGUN,), True, "not done"),
        ((BEGUN, GOES_ON), True, "no later start"),
        ((BEGUN, GOES_ON, CUT_OFF.replace("14104", "1410")), True, "no later start"),
        ((BEGUN,), False, "no later start"),
    ],
)
def test_a_line_that_is_missing_is_named(lines: tuple[str, ...], orderly: bool, said: str) -> None:
    complaint = missing("\n".join(lines), 14104, orderly=orderly)
    assert complaint is not None
    assert said in complaint


# ----------------------------------------------------------------------------------- the figures
def test_the_slope_of_a_line_is_found_through_its_noise() -> None:
    places = list(range(100))
    values = [50.0 + 0.25 * place + (-1) ** place for place in places]
    assert slope(places, values) == pytest.approx(0.25, abs=0.002)


def test_a_steady_slope_does_not_count_the_warm_up() -> None:
    places = list(range(100))
    values = [float(min(place, 50)) for place in places]
    assert slope(places, values) > 0.1
    assert steady_slope(places, values) == pytest.approx(0.0)
    assert steady_slope(places[:10], values[:10]) is None


def test_one_place_has_no_slope() -> None:
    with pytest.raises(ValueError, match="two places"):
        slope([1.0, 1.0], [1.0, 2.0])


def report(*findings: Finding, left: tuple[str, ...] = ()) -> SoakReport:
    (life,) = draw_lives(1, 1)
    lived = LifeReport(
        life=life.model_copy(update={"way": WAYS[0]}),
        cycles=1,
        agents={"stopped": 2},
        start_ms=100.0,
        findings=findings,
    )
    return SoakReport(
        machine={},
        seed=1,
        cycles=10,
        from_cycle=0,
        done=1,
        lanes=1,
        cut_short=False,
        seconds=1.0,
        lives=(lived, lived.model_copy(update={"findings": ()})),
        reports=(),
        left=left,
    )


def finding(kind: Wrong, cycle: int = 4) -> Finding:
    return Finding(kind=kind, life=0, cycle=cycle, detail="4711 sleep")


def test_a_run_without_findings_meets_all_its_targets() -> None:
    unmet = [verdict for verdict in judge(report()) if not verdict.met]
    assert [(one.target.name, one.detail) for one in unmet] == [
        ("durable agents that ended or were not adopted", "0 durable agents")
    ]
    assert part_result(report()).failure is None


@pytest.mark.parametrize(
    "kind", ["orphan", "zombie", "outcome", "durable", "status", "descriptors", "threads", "broken"]
)
def test_one_finding_of_any_kind_misses_one_target_and_fails_the_run(kind: Wrong) -> None:
    found = report(finding(kind))
    assert not found.sound
    missed = [verdict for verdict in judge(found) if verdict.met is False]
    assert [verdict.figure for verdict in missed] == [1]


def test_the_share_of_clean_shutdowns_is_that_of_the_orderly_ends() -> None:
    *_, clean = judge(report(finding("shutdown")))
    assert (clean.figure, clean.met, clean.detail) == (50.0, False, "1 of 2")


def test_a_failure_says_how_to_see_its_cycle_again() -> None:
    said = failure(report(finding("orphan", cycle=8), finding("zombie", cycle=4)))
    assert said is not None
    assert "--seed 1 --cycles 10 --from-cycle 4 --to-cycle 4" in said
    assert "4711 sleep" in said


def test_a_process_that_is_left_at_the_very_end_fails_the_run() -> None:
    found = report(left=("4711 sleep",))
    assert not found.sound
    assert "4711 sleep" in str(failure(found))


def test_every_single_value_of_a_life_is_kept() -> None:
    one = report().lives[0]
    rest = tuple(
        Sample(cycle=cycle, rss=1000 * cycle, pss=900, descriptors=9, threads=2) for cycle in (1, 2)
    )
    lived = one.model_copy(update={"samples": rest, "ending_ms": None, "deltas": (1, 0)})
    kept = {each.what: each for each in samples(report().model_copy(update={"lives": (lived,)}))}
    assert {each.who.partition(":")[0] for each in kept.values()} == {"life 0"}
    assert kept["start"].values == (100.0,)
    assert kept["all gone"].values == (None,)
    assert kept["agents, stopped"].values == (2,)
    assert kept["more descriptors and threads, orchestrator"].values == (1, 0)
    assert kept["rss at rest"].values == (1000, 2000)


def test_a_life_that_only_closes_launches_nobody() -> None:
    life: Life = next(draw_lives(1, 1)).model_copy(update={"closing": True})
    assert draw_last(1, life) == ()
