"""Scale: what is made of its figures, and that it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.model import RunResult
from benchmarks.parts.scale.beside import Beside, Writing
from benchmarks.parts.scale.charts import charts
from benchmarks.parts.scale.houses import LIBRARY, MCP, NAMES, Probe
from benchmarks.parts.scale.levels import KEEPERS, NURSERY, SERVER, Level, Roles, no_room
from benchmarks.parts.scale.samples import samples, series
from benchmarks.parts.scale.tables import beside_table, rest_table, times_table
from benchmarks.parts.scale.verdicts import judge
from benchmarks.plan import FULL, QUICK, SMOKE
from benchmarks.vitals import Vitals
from tests.benchmarks.following import runs_a_part

ROOT = Path(__file__).resolve().parents[2]


def vitals(*, pss: float = 1.0, wakeups: int = 0, cpu: float = 0.0) -> Vitals:
    return Vitals(wakeups=wakeups, cpu_ms=cpu, pss=int(pss * 1e6), descriptors=6, threads=2)


def role(*, pss: float, count: int = 1, woken: int = 0, cpu: float = 0.0) -> Roles:
    before = tuple(vitals(pss=pss) for _ in range(count))
    after = tuple(vitals(pss=pss, wakeups=woken, cpu=cpu) for _ in range(count))
    return Roles(before=before, after=after, seconds=2.0)


def beside(house: str, *, change: float, wrote: float) -> Beside:
    """What is written takes bare Popen 1 ms, and is 1 MiB."""
    own = house == LIBRARY
    return Beside(
        changes=(change,) * 4 if own else (),
        bare=(change / 2,) * 4 if own else (),
        mib=1,
        writings=(Writing(ours=wrote, floor=1.0, cpu=0.25),),
        tails=() if own else (wrote * 3,),
    )


def level(
    house: str,
    agents: int,
    *,
    launch: float = 4.0,
    whole: tuple[float, ...] = (),
    rested: tuple[float, ...] = (),
    left: int = 0,
    change: float = 0.5,
    wrote: float = 1.0,
) -> Level:
    return Level(
        house=house,
        agents=agents,
        probes=tuple(Probe(launch=launch, stop=8.0) for _ in range(3)),
        floor=tuple(Probe(launch=0.5, stop=2.0) for _ in range(3)),
        fills=(10.0, 30.0),
        whole=whole,
        rested=rested,
        alone=whole,
        roles={
            SERVER: role(pss=30.0, woken=4, cpu=1.0),
            NURSERY: role(pss=2.0),
            KEEPERS: role(pss=1.5, count=agents),
        },
        beside=beside(house, change=change, wrote=wrote),
        ends=(1500.0, 1500.0),
        left=left,
    )


LEVELS = (
    level(LIBRARY, 1, launch=4.0),
    level(MCP, 1, launch=5.0, whole=(2.0, 1.0, 3.0), rested=(3.0,)),
    level(LIBRARY, 10, launch=6.0, change=2.0, wrote=1.25),
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
        (1.0, True),
        (2.0, False),
        (0.8, False),
        (1.0, True),
    ]
    assert "bare Popen meanwhile 1.00 times" in verdicts[1].detail
    assert verdicts[7].detail == "beside 1: 0.50 ms; bare sqlite3: 1.00 ms"
    assert verdicts[8].detail == "1,049 to 839 MB/s; 1.00 to 0.80 of the descriptor's"


def test_a_number_that_was_out_of_reach_is_neither_met_nor_missed() -> None:
    verdicts = judge(LEVELS, (1, 10, 1000))
    assert len(verdicts) == 10
    assert all(one.met is None and "out of reach" in one.detail for one in verdicts)
    assert all("1,000" in one.target.name for one in verdicts)


def test_the_tables_compare_with_popen_and_add_up_server_nursery_and_keepers() -> None:
    [first, mcp, *_] = times_table(LEVELS).rows
    assert first[:7] == ("launch(), asyncio", 1, 4.0, 4.0, 8.0, 8.0, 4.0)
    assert first[7:] == (None, None, None, 20.0, 1500.0, 0)
    assert mcp[7:10] == (2.0, 3.0, 2.0)
    rest = rest_table(LEVELS).rows[2]
    assert rest[:7] == ("launch(), asyncio", 10, 30.0, 2.0, 1.5, 47.0, 4.7)
    assert rest[10:] == (2.0, 0.5)


def test_what_is_measured_beside_agents_is_compared_within_its_turns() -> None:
    library, mcp, many, _ = beside_table(LEVELS).rows
    assert library == (
        NAMES[LIBRARY],
        1,
        4,
        0.5,
        0.5,
        2.0,
        pytest.approx(1048.576),
        1.0,
        0.25,
        None,
    )
    assert mcp[2:6] == (0, None, None, None)
    assert mcp[9] == 3.0
    assert many[7] == 0.8


def test_every_single_value_is_kept() -> None:
    kept = {title: {one.key: one.times for one in each} for title, each in series(LEVELS).items()}
    assert kept["Launch of all"]["mcp-10"] == (10.0, 30.0)
    assert kept["State changes"] == {"library-1": (0.5,) * 4, "library-10": (2.0,) * 4}
    assert kept["Output of one"]["library-10"] == (1.25,)
    assert kept["The last lines of one"] == {"mcp-1": (3.0,), "mcp-10": (3.0,)}
    others = {(one.who, one.what): one.values for one in samples(LEVELS)}
    assert others["mcp-10", "left at the end"] == (2,)
    assert others["mcp-10 keepers", "pss, after"] == (1_500_000.0,) * 10
    assert others["library-1 server", "wakeups, after"] == (4,)


def test_every_plan_says_how_often_each_number_is_launched() -> None:
    assert all(len(plan.scale_rounds) == len(plan.scaled) for plan in (FULL, QUICK, SMOKE))


def test_every_chart_goes_over_the_number_of_agents() -> None:
    drawn = {chart.key: chart for chart in charts(LEVELS)}
    assert set(drawn) == {
        f"scale-{what}"
        for what in (
            *("launch", "stop", "status", "memory", "fill", "end"),
            *("change", "output", "tail"),
        )
    }
    assert [line.points for line in drawn["scale-change"].lines] == [
        ((1, 0.5), (10, 2.0)),
        ((1, 0.25), (10, 1.0)),
    ]
    ours, _, floor = (dict(line.points) for line in drawn["scale-output"].lines)
    assert ours[1] == floor[1] == floor[10] == pytest.approx(1048.576)
    assert ours[10] == pytest.approx(1048.576 / 1.25)
    assert drawn["scale-tail"].lines[0].points == ((1, 3.0), (10, 3.0))
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
    assert all(verdict.figure is not None for verdict in part.verdicts)
    launches = part.series["Launch of all"]
    assert [len(one.times) for one in launches] == [2, 2, 1, 1]
    assert [verdict.figure for verdict in part.verdicts if "left" in verdict.target.name] == [0, 0]
    assert all(time > 0 for each in part.series.values() for one in each for time in one.times)
