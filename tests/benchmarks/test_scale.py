"""Scale: what is made of its figures, and that it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.model import RunResult
from benchmarks.parts.scale import LIBRARY, MCP, NAMES, judge
from benchmarks.parts.scale_houses import Probe
from benchmarks.parts.scale_levels import KEEPERS, NURSERY, SERVER, Level, Roles, no_room
from benchmarks.parts.scale_tables import charts, rest_table, times_table
from benchmarks.vitals import Vitals
from tests.benchmarks.following import runs_a_part

ROOT = Path(__file__).resolve().parents[2]


def vitals(*, pss: float = 1.0, wakeups: int = 0, cpu: float = 0.0) -> Vitals:
    return Vitals(wakeups=wakeups, cpu_ms=cpu, pss=int(pss * 1e6), descriptors=6, threads=2)


def role(*, pss: float, count: int = 1, woken: int = 0, cpu: float = 0.0) -> Roles:
    before = tuple(vitals(pss=pss) for _ in range(count))
    after = tuple(vitals(pss=pss, wakeups=woken, cpu=cpu) for _ in range(count))
    return Roles(before=before, after=after, seconds=2.0)


def level(
    house: str,
    agents: int,
    *,
    launch: float = 4.0,
    whole: tuple[float, ...] = (),
    rested: tuple[float, ...] = (),
    left: int = 0,
) -> Level:
    return Level(
        house=house,
        agents=agents,
        probes=tuple(Probe(launch=launch, stop=8.0) for _ in range(3)),
        floor=tuple(Probe(launch=0.5, stop=2.0) for _ in range(3)),
        filled=10.0,
        whole=whole,
        rested=rested,
        alone=whole,
        roles={
            SERVER: role(pss=30.0, woken=4, cpu=1.0),
            NURSERY: role(pss=2.0),
            KEEPERS: role(pss=1.5, count=agents),
        },
        ended=1500.0,
        left=left,
    )


LEVELS = (
    level(LIBRARY, 1, launch=4.0),
    level(MCP, 1, launch=5.0, whole=(2.0, 1.0, 3.0), rested=(3.0,)),
    level(LIBRARY, 10, launch=6.0),
    level(MCP, 10, launch=15.0, whole=(9.0,), rested=(21.0,), left=2),
)


def test_the_most_agents_are_judged_by_the_fewest() -> None:
    verdicts = judge(LEVELS, (1, 10))
    assert [(one.figure, one.met) for one in verdicts] == [
        (0, True),
        (1.5, True),
        (2, False),
        (3.0, False),
        (4.5, True),
        (7.0, False),
    ]
    assert "bare Popen meanwhile 1.00 times" in verdicts[1].detail


def test_a_number_that_was_out_of_reach_is_neither_met_nor_missed() -> None:
    verdicts = judge(LEVELS, (1, 10, 1000))
    assert len(verdicts) == 6
    assert all(one.met is None and "out of reach" in one.detail for one in verdicts)
    assert all("1,000" in one.target.name for one in verdicts)


def test_the_tables_compare_with_popen_and_add_up_server_nursery_and_keepers() -> None:
    [first, mcp, *_] = times_table(LEVELS, NAMES).rows
    assert first[:7] == ("launch(), asyncio", 1, 4.0, 4.0, 8.0, 8.0, 4.0)
    assert first[7:] == (None, None, None, 1500.0, 0)
    assert mcp[7:10] == (2.0, 3.0, 2.0)
    rest = rest_table(LEVELS, NAMES).rows[2]
    assert rest[:7] == ("launch(), asyncio", 10, 30.0, 2.0, 1.5, 47.0, 4.7)
    assert rest[10:] == (2.0, 0.5)


def test_every_chart_goes_over_the_number_of_agents() -> None:
    drawn = {chart.key: chart for chart in charts(LEVELS, NAMES)}
    assert set(drawn) == {f"scale-{what}" for what in ("launch", "stop", "status", "memory", "end")}
    launch = {line.name: line.points for line in drawn["scale-launch"].lines}
    assert launch["launch(), asyncio"] == ((1, 4.0), (10, 6.0))
    assert launch["MCP server"] == ((1, 5.0), (10, 15.0))
    assert launch["bare Popen"] == ((1, 0.5), (10, 0.5))
    assert drawn["scale-end"].lines[0].points == ((1, 1.5), (10, 1.5))
    assert drawn["scale-status"].lines[1].points == ((1, 3.0), (10, 21.0))


def test_more_agents_than_this_machine_has_room_for_are_refused_with_the_reason() -> None:
    assert no_room(1) is None
    reason = no_room(10**9)
    assert reason is not None
    assert "1000000000 agents need" in reason


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="it counts with pidfds, as on Linux only")
@runs_a_part
def test_it_fills_two_orchestrators_and_nobody_is_left(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "scale", "--smoke", "--json", str(file)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    run = RunResult.model_validate_json(file.read_text(encoding="utf-8"))
    [part] = run.parts
    assert run.left == ()
    assert [row[:2] for row in part.tables[0].rows] == [
        (NAMES[house], count) for count in (1, 3) for house in (LIBRARY, MCP)
    ]
    assert [verdict.figure for verdict in part.verdicts if "left" in verdict.target.name] == [0, 0]
    assert all(time > 0 for each in part.series.values() for one in each for time in one.times)
