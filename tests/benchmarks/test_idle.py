"""What is made of houses at rest, and that they are watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.parts.idle.charts import charts
from benchmarks.parts.idle.houses import BARE, Memory, Rest
from benchmarks.parts.idle.tables import memory_table
from benchmarks.parts.idle.verdicts import judge
from benchmarks.vitals import Vitals
from tests.benchmarks.following import runs_a_part
from tests.benchmarks.test_program import benchmarks, only_part, pytestmark

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["pytestmark"]


def vitals(
    *, wakeups: int = 0, cpu_ms: float = 0.0, pss: int = 1_000_000, descriptors: int = 6
) -> Vitals:
    return Vitals(wakeups=wakeups, cpu_ms=cpu_ms, pss=pss, descriptors=descriptors, threads=1)


def rest(role: str, *, house: str, woken: int = 0, cpu_ms: float = 0.0) -> Rest:
    return Rest(
        house=house,
        name=house,
        role=role,
        seconds=2.0,
        before=(vitals(wakeups=10, cpu_ms=5.0),),
        after=(vitals(wakeups=10 + woken, cpu_ms=5.0 + cpu_ms),),
    )


def memory(house: str, *, keeper: int) -> Memory:
    """A house whose server grows by 2 MB, with two keepers."""
    keepers = (vitals(pss=keeper, descriptors=7), vitals(pss=keeper, descriptors=7))
    return Memory(
        house=house,
        name=house,
        agents=2,
        empty=(vitals(pss=40_000_000),),
        full=(vitals(pss=42_000_000), *keepers),
        keepers=keepers,
    )


def bare(*, children: int) -> Memory:
    """A parent of 10 MB that its children add nothing to."""
    alone = (vitals(pss=10_000_000, descriptors=4),)
    return Memory(
        house=BARE.key, name=BARE.name, agents=children, empty=alone, full=alone, keepers=()
    )


def test_one_wake_up_of_anybody_in_the_house_misses_the_target() -> None:
    found = [
        rest("server", house="library"),
        rest("keepers", house="library", woken=1),
        rest("server", house="mcp"),
    ]
    woken = [one for one in judge(found, []) if "wake-ups" in one.target.name]
    assert [(one.figure, one.met) for one in woken] == [(0.5, False), (0.0, True)]


def test_the_cpu_of_everybody_in_the_house_counts_in_per_cent_of_a_core() -> None:
    found = [
        rest("server", house="library", cpu_ms=0.1),
        rest("keepers", house="library", cpu_ms=0.3),
        rest("server", house="mcp", cpu_ms=0.1),
    ]
    ran = [one for one in judge(found, []) if "CPU" in one.target.name]
    assert [one.figure for one in ran] == pytest.approx([0.02, 0.005])
    assert [one.met for one in ran] == [False, True]


def test_an_agent_weighs_its_keeper_and_what_the_server_grows_by() -> None:
    light, heavy = memory("library", keeper=0), memory("mcp", keeper=500_000)
    assert (light.per_agent, heavy.per_agent) == (1.0, 1.5)
    assert light.descriptors == 7.0
    weighed = [one for one in judge([], [light, heavy]) if "memory" in one.target.name]
    assert [(one.figure, one.met) for one in weighed] == [(1.0, True), (1.5, False)]
    assert weighed[1].detail == "the keeper alone: 0.50 MB"


def test_a_house_that_was_not_watched_leaves_its_targets_unjudged() -> None:
    assert {one.met for one in judge([], [])} == {None}


def test_a_house_without_keepers_has_no_figure_for_them() -> None:
    bare = Memory(
        house="tmux", name="tmux", agents=1, empty=(vitals(),), full=(vitals(),), keepers=()
    )
    [row] = memory_table(1, [bare]).rows
    assert row == ("tmux", 1.0, 1.0, 0.0, None, None, None, 6, 0.0)


def test_a_bar_is_a_whole_house() -> None:
    found = [rest("server", house="mcp", woken=1), rest("keepers", house="mcp", woken=2)]
    wakeups, *_ = charts(found, [])
    assert [(bar.value, bar.ours, bar.ratio) for bar in wakeups.bars] == [(1.5, True, None)]


def test_houses_are_shown_against_a_bare_parent_of_as_many_children() -> None:
    found = [rest("server", house=BARE.key, woken=1), rest("server", house="mcp", woken=4)]
    memory_ = [memory("mcp", keeper=1_000_000), bare(children=2)]
    assert [row[6:8] for row in memory_table(2, memory_).rows] == [(4.4, 20), (1.0, 4)]
    drawn = {chart.key: chart.bars for chart in charts(found, memory_)}
    assert [bar.ratio for bar in drawn["idle-wakeups"]] == [1.0, 4.0]
    assert [bar.ratio for bar in drawn["idle-house"]] == [4.4, 1.0]
    assert [bar.ratio for bar in drawn["idle-descriptors"]] == [5.0, 1.0]
    woken, _, heavy = (one.detail for one in judge(found, memory_) if "MCP" in one.target.name)
    assert woken == "bare parent: 0.50"
    assert heavy == "the keeper alone: 1.00 MB; all of it 44.0 MB, a bare parent 10.0 MB"


@runs_a_part
def test_houses_are_weighed_and_watched(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    done = benchmarks("idle", "--smoke", "--json", str(file))

    assert done.returncode == 0, done.stdout + done.stderr
    run, part = only_part(file)
    assert run.left == ()
    at_rest, weighed = part.tables
    houses = [row[0] for row in weighed.rows]
    skipped = [one.name for one in part.skipped]
    assert set(houses) == {row[0] for row in at_rest.rows}
    assert len(houses) + len(skipped) == 7
    assert weighed.rows[0][0] == BARE.name
    assert weighed.rows[0][6] == 1.0
    of_library = {row[1]: row[2] for row in at_rest.rows if row[0] == "launch(), asyncio"}
    assert of_library["keepers"] == 2
    assert of_library["server"] == of_library["nursery"] == 1
    assert all(verdict.figure is not None for verdict in part.verdicts)
    kept = {(one.who, one.what): one.values for one in part.samples}
    assert len(kept["library keepers", "descriptors, with agents"]) == 2
    assert len(kept["library keepers", "threads, after"]) == 2
    assert kept["mcp server", "watched"][0] is not None
