"""Leaks: whose a process is, what trials come to, and what is shown of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.charts import Bars, Heat
from benchmarks.leaking.conduct import orders
from benchmarks.leaking.counting import Census, most, sort_out
from benchmarks.leaking.endings import ENDINGS
from benchmarks.leaking.habits import HABIT_BY_KEY, HABITS
from benchmarks.leaking.launchers import LAUNCHER_BY_KEY, LAUNCHERS
from benchmarks.leaking.model import Remains, Trial
from benchmarks.leaking.shown import charts, tables
from benchmarks.leaking.sights import Sight
from benchmarks.leaking.tally import Cell, Tally
from benchmarks.leaking.verdict import judge
from benchmarks.plan import FULL, QUICK, SMOKE, Plan

PLACE = Path("/somewhere/at")
ROOT = 10


def see(
    pid: int,
    *,
    parent: int = ROOT,
    session: int = 20,
    state: str = "S",
    name: str = "sleep",
    at: str = "",
) -> Sight:
    place = f"{PLACE}/{at}" if at else "/"
    return Sight(pid, parent, session, state, name, place)


def trial(
    launcher: str, ending: str, *, left: int = 0, of: int = 3, machinery: int | None = 0
) -> Trial:
    who = tuple(f"{number} sleep" for number in range(left))
    agent = Remains(habit="tool", before=of, left=left, who=who)
    return Trial(launcher=launcher, ending=ending, agents=(agent,), machinery=machinery)


def tally(*trials: Trial, launchers: tuple[str, ...] = ("mcp", "library")) -> Tally:
    endings = [ending.key for ending in ENDINGS]
    return Tally(trials, launchers=launchers, habits=["tool"], endings=endings)


def test_everyone_in_an_agents_folder_is_the_agents_wherever_its_parents_are() -> None:
    found = sort_out(
        [
            see(ROOT, parent=1),
            see(20, name="python"),
            see(21, parent=20, at="tool"),
            see(22, parent=1, session=22, at="tool/data"),
            see(23, parent=1, at="toolbox"),
            see(24, parent=1),
        ],
        root=ROOT,
        place=PLACE,
        habits=["tool", "daemon"],
    )
    assert [one.pid for one in found.agents["tool"]] == [21, 22]
    assert found.agents["daemon"] == []
    assert [one.pid for one in found.machinery] == [20, 23]


def test_a_zombie_is_not_alive_and_one_that_is_reaped_in_a_moment_is_none() -> None:
    sights = [see(20), see(21, parent=20, state="Z"), see(22, parent=ROOT, state="Z")]
    found = sort_out(sights, root=ROOT, place=PLACE, habits=["tool"])
    assert [one.pid for one in found.alive] == [20]
    assert [one.pid for one in found.zombies] == [21]


def test_of_several_looks_the_fullest_counts() -> None:
    looks = [
        Census({"bomb": [see(30)], "tool": []}, [], []),
        Census({"bomb": [see(31), see(32)], "tool": []}, [], []),
        Census({"bomb": [], "tool": []}, [see(20)], []),
    ]
    found = most(looks)
    assert [one.pid for one in found.agents["bomb"]] == [31, 32]
    assert [one.pid for one in found.machinery] == [20]


@pytest.mark.parametrize(
    ("key", "sights", "taken"),
    [
        ("children", [see(20, name="sh"), see(21, parent=20), see(22, parent=20)], True),
        ("children", [see(20, name="sh"), see(21, parent=20)], False),
        ("tool", [see(20, name="sh"), see(21, parent=20), see(22, parent=20)], False),
        ("tool", [see(20, name="sh"), see(21, parent=20), see(22, parent=20, session=22)], True),
        ("daemon", [see(20, name="sh"), see(21, parent=20), see(22, parent=20, session=22)], False),
        ("daemon", [see(20, name="sh"), see(21, parent=20), see(22, parent=5, session=22)], True),
        ("stopped", [see(20, name="sh"), see(21, parent=20)], False),
        ("stopped", [see(20, name="sh", state="T"), see(21, parent=20)], True),
        ("bomb", [see(number, session=number) for number in range(20, 26)], False),
        ("bomb", [see(number, session=number) for number in range(20, 27)], True),
        ("redis", [see(20, name="redis-server")], False),
    ],
)
def test_an_agent_has_its_habit_when_its_processes_show_it(
    key: str, sights: list[Sight], taken: bool, tmp_path: Path
) -> None:
    assert HABIT_BY_KEY[key].taken(sights, tmp_path) is taken


def test_an_agent_that_tmux_continues_has_been_stopped(tmp_path: Path) -> None:
    (tmp_path / "continued").touch()
    assert HABIT_BY_KEY["stopped"].taken([see(20, name="sh"), see(21)], tmp_path)


def test_every_launcher_meets_every_ending_that_it_has() -> None:
    found = orders(FULL, LAUNCHERS, HABITS, None)
    met = {(one.launcher, one.ending) for one in found}
    assert len(found) == FULL.leak_rounds * len(met)
    for launcher in LAUNCHERS:
        names = {ending.key for ending in ENDINGS} - set(launcher.not_for)
        assert {ending for key, ending in met if key == launcher.key} == names
        assert not (launcher.ours and launcher.not_for)

    assert all(one.habits == tuple(habit.key for habit in HABITS) for one in found)


@pytest.mark.parametrize("plan", [FULL, QUICK, SMOKE], ids=lambda plan: plan.name)
def test_plans_name_habits_and_endings_that_there_are(plan: Plan) -> None:
    assert set(plan.leak_habits) <= set(HABIT_BY_KEY)
    assert set(plan.leak_endings) <= {ending.key for ending in ENDINGS}


def test_the_worst_trial_of_a_cell_counts() -> None:
    found = tally(trial("mcp", "kill"), trial("mcp", "kill", left=2), trial("mcp", "term", left=1))
    assert found.cell("mcp", "tool", "kill") == Cell(left=2, of=3)
    assert found.by_habit("mcp", "tool") == Cell(left=3, of=6)
    assert found.total("mcp") == Cell(left=3, of=6)
    assert found.by_ending("mcp", "hup") is None
    assert found.total("library") is None


def test_nothing_left_meets_the_targets() -> None:
    found = tally(trial("mcp", "kill"), trial("library", "stop", machinery=None))
    verdicts = judge(found, LAUNCHERS)
    assert [(one.figure, one.met) for one in verdicts] == [(0, True)] * 3


def test_who_is_left_misses_its_target_and_is_named() -> None:
    machine = trial("library", "term", machinery=1).model_copy(
        update={"machinery_who": ("77 orch-keeper",)}
    )
    mcp, library, machinery = judge(tally(trial("mcp", "kill", left=1), machine), LAUNCHERS)
    assert (mcp.met, mcp.detail) == (False, "0 sleep, tool at kill")
    assert library.met
    assert (machinery.figure, machinery.detail) == (1, "77 orch-keeper at term")


def test_what_was_not_counted_is_neither_met_nor_missed() -> None:
    assert [one.met for one in judge(tally(), LAUNCHERS)] == [None] * 3


def test_an_ending_that_a_launcher_does_not_have_is_an_empty_cell_with_its_reason() -> None:
    chosen = [LAUNCHER_BY_KEY[key] for key in ("mcp", "supervisord")]
    trials = [
        trial(launcher.key, ending.key, left=launcher.key != "mcp")
        for launcher in chosen
        for ending in ENDINGS
        if ending.key not in launcher.not_for
    ]
    found = tally(*trials, launchers=("mcp", "supervisord"))
    by_ending = tables(found, chosen, FULL)[2]
    assert by_ending.rows == (
        ("this project, MCP", 0, 0, 0, 0, 0, 0, 0),
        ("supervisord", 1, 1, 1, None, None, 1, 1),
    )
    assert any("it reads no input" in note for note in by_ending.notes)
    share, _, heat, cells = charts(found, chosen)
    assert isinstance(share, Bars)
    assert [(bar.ours, round(bar.value)) for bar in share.bars] == [(True, 0), (False, 33)]
    assert isinstance(heat, Heat)
    assert isinstance(cells, Heat)
    assert heat.cells[1] == (1, 1, 1, None, None, 1, 1)
    assert len(cells.rows) == 2
    assert cells.ours == ("this project, MCP: tool in its own session",)
