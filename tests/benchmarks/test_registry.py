"""What is made of state changes and status calls, and that they are timed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.model import Round, Series
from benchmarks.parts.registry.status import ENDED, LIVE, judge_status
from benchmarks.parts.registry.tables import (
    changes_charts,
    changes_table,
    judge_changes,
    of_kind,
    pace_of_lives,
)
from benchmarks.workers.registry import Changes, Projection
from benchmarks.workers.registry_bare import Bare
from benchmarks.workers.registry_records import CHANGES
from tests.benchmarks.following import runs_a_part
from tests.benchmarks.test_program import benchmarks, only_part, pytestmark

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["pytestmark"]


def series(key: str, *times: float) -> Series:
    return Series(key=key, name=key, rounds=(Round(times=times, wall=sum(times)),))


FOUND = [
    series("changes-1000", 0.5, 0.5, 0.5, 0.5),
    series("changes-100", 0.25, 0.25, 0.25, 0.25),
    series("bare-1000", 0.05, 0.05, 0.05, 0.05),
    series("bare-100", 0.05, 0.05, 0.05, 0.05),
]


def test_series_of_one_kind_come_with_the_fewest_agents_first() -> None:
    assert [one.key for one in of_kind(FOUND, "changes")] == ["changes-100", "changes-1000"]


def test_changes_are_judged_where_most_agents_are_on_record() -> None:
    late, flat = judge_changes(FOUND)
    assert (late.figure, late.met) == (0.5, True)
    assert (flat.figure, flat.met) == (2.0, False)
    assert late.detail == "100: 0.25 ms, 1,000: 0.50 ms; bare sqlite3: 0.05 ms"


def test_one_life_that_was_kept_from_running_is_not_the_rate_of_a_turn() -> None:
    adds, runs, stops, ends = (1.0, 1.0, 9.0), (2.0, 2.0, 2.0), (3.0, 50.0, 3.0), (2.0, 2.0, 2.0)
    turn = Round(times=(*adds, *runs, *stops, *ends), wall=79.0)
    assert pace_of_lives(turn) == pytest.approx(4 / 16.0 * 1000)


def test_a_change_is_compared_with_the_floor_that_has_as_much_on_record() -> None:
    table = changes_table(FOUND)
    compared = {row[0]: (row[-2], row[-1]) for row in table.rows}
    assert compared["changes-1000"] == (pytest.approx(10.0), 2.0)
    assert compared["changes-100"] == (pytest.approx(5.0), 1.0)
    assert compared["bare-1000"] == (1.0, 1.0)


def test_lines_go_from_few_agents_to_many() -> None:
    rates, late, _ = changes_charts(FOUND, [])
    assert rates.lines[0].points == ((100.0, 4000.0), (1000.0, 2000.0))
    assert late.lines[1].points == ((100.0, 0.05), (1000.0, 0.05))


def test_a_status_call_is_judged_by_the_largest_task_and_the_smallest() -> None:
    found = [series("ended-1000", 12.0), series("ended-1", 2.0), series("live-1", 1.0)]
    [verdict] = judge_status(found)
    assert (verdict.figure, verdict.met) == (6.0, False)


def test_a_turn_of_a_registry_times_each_change_of_each_life_and_begins_anew(
    tmp_path: Path,
) -> None:
    store = Changes(tmp_path, 3)
    for _ in range(2):
        times = store.turn(2, 5)["times"]
        assert list(times) == list(CHANGES)
        assert [len(each) for each in times.values()] == [2, 2, 2, 2]

    assert [one.name for one in tmp_path.iterdir()] == ["template"]


def test_a_turn_of_a_bare_table_makes_as_many_changes(tmp_path: Path) -> None:
    store = Bare(tmp_path, 3)
    times = store.turn(2, 5)["times"]["update"]
    assert len(times) == 2 * len(CHANGES)
    assert [one.name for one in tmp_path.iterdir()] == ["template.sqlite3"]


def test_a_turn_of_a_projection_writes_the_file_of_the_task_and_that_of_all(
    tmp_path: Path,
) -> None:
    store = Projection(tmp_path, 23)
    times = store.turn(2, 0)["times"]
    assert len(times["flush"]) == len(times["cpu"]) == 2
    written = {one.name for one in tmp_path.glob("**/*.json")}
    assert written == {"AGENT_REGISTRY.json", "GLOBAL_REGISTRY.json"}
    assert len(list(tmp_path.glob("TASK-*"))) == 2


@runs_a_part
def test_changes_and_status_calls_are_timed(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    done = benchmarks("registry", "--smoke", "--json", str(file))

    assert done.returncode == 0, done.stdout + done.stderr
    run, part = only_part(file)
    assert run.left == ()
    changes, written, status = part.series.values()
    assert {one.key for one in changes} == {"changes-3", "changes-6", "bare-3", "bare-6"}
    assert {len(one.times) for one in changes} == {8}
    assert {one.key for one in written} == {"projection-3", "projection-6"}
    ended, live = (
        {f"{kind}-{n}" for n in each} for kind, each in (("ended", ENDED), ("live", LIVE))
    )
    assert {one.key for one in status} == ended | live
    kept = {(one.who, one.what): len(one.values) for one in part.samples}
    assert kept["changes-6", "stopping"] == 2
    assert kept["projection-6", "cpu"] == kept["projection-6", "flush"] == 3
    assert kept["live-40", "status answer"] == 1
    assert all(verdict.figure is not None for verdict in part.verdicts)
