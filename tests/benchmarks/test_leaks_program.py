"""The trials of the part ``leaks``: they run, and they see who is left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.leaking.launchers import LAUNCHER_BY_KEY, LAUNCHERS
from benchmarks.leaking.launchers.program import find_manager
from benchmarks.leaking.model import News, Order, Trial
from benchmarks.leaking.sights import descendants, everyone, look_at
from benchmarks.model import RunResult
from tests.benchmarks.following import runs_a_part

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="trials count below a subreaper, as on Linux only"
)


def run(*arguments: str, orders: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        input=orders,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def run_lane(folder: Path, *orders: Order) -> list[News]:
    """Run trials in a lane; nobody of them may be there after it."""
    lines = "".join(f"{order.model_dump_json()}\n" for order in orders)
    done = run("-m", "benchmarks.leaking.lane", str(folder), orders=lines)
    assert done.returncode == 0, done.stderr
    assert [str(one) for one in everyone() if one.place.startswith(f"{folder}/")] == []
    return [News.model_validate_json(line) for line in done.stdout.splitlines()]


def order(launcher: str, ending: str, *habits: str, after: float = 0.3) -> Order:
    return Order(launcher=launcher, ending=ending, habits=habits, after=after)


def left(news: News) -> dict[str, tuple[int, int]]:
    assert isinstance(news.trial, Trial), news.broken
    return {agent.habit: (agent.left, agent.before) for agent in news.trial.agents}


def test_whoever_a_killed_launcher_leaves_is_counted_and_ended(tmp_path: Path) -> None:
    everyone_stays, leaves_the_group = run_lane(
        tmp_path,
        order("popen", "kill", "children", "daemon"),
        order("killpg", "term", "children", "daemon", "naked", after=2.0),
    )
    assert left(everyone_stays) == {"children": (3, 3), "daemon": (3, 3)}
    assert everyone_stays.trial is not None
    assert everyone_stays.trial.machinery == 0
    assert everyone_stays.trial.empty_after is None
    assert left(leaves_the_group) == {"children": (0, 3), "daemon": (1, 3), "naked": (1, 3)}


def test_a_bomb_is_counted_while_it_goes_off_and_ended(tmp_path: Path) -> None:
    [news] = run_lane(tmp_path, order("popen", "kill", "bomb"))
    [(stayed, before)] = left(news).values()
    assert stayed >= 7
    assert before >= 7


def test_this_project_leaves_nobody_and_that_is_known_before_the_time_is_over(
    tmp_path: Path,
) -> None:
    [news] = run_lane(tmp_path, order("library", "group", "tool", "naked", "stopped", after=60.0))
    assert {stayed for stayed, _ in left(news).values()} == {0}
    assert news.trial is not None
    assert news.trial.machinery == 0
    assert news.trial.empty_after is not None


def test_an_agent_that_does_not_become_what_it_is_to_be_breaks_its_trial_alone(
    tmp_path: Path,
) -> None:
    # Without a cluster its server has no data to serve.
    broken, fine = run_lane(
        tmp_path, order("popen", "kill", "postgresql"), order("popen", "kill", "children")
    )
    assert broken.trial is None
    assert "PostgreSQL" in broken.broken
    assert fine.trial is not None


@pytest.mark.parametrize(
    ("works", "means"), [("--user", "user-scope"), ("--system", "scope"), ("neither", None)]
)
def test_scopes_are_made_by_whichever_service_manager_makes_one(
    works: str, means: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "systemd-run"
    program.write_text(f'#!/bin/sh\n[ "$1" = {works} ]\n', encoding="ascii")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_manager() == means
    reason = LAUNCHER_BY_KEY["scope"].missing()
    assert (reason is None) == (means is not None)


def test_everyone_below_a_process_is_seen() -> None:
    child = subprocess.Popen(["/bin/sleep", "100"])
    try:
        sight = look_at(child.pid)
        assert sight is not None
        assert (sight.parent, sight.place) == (os.getpid(), str(Path.cwd()))
        assert child.pid in {one.pid for one in descendants(os.getpid())}
    finally:
        child.kill()
        child.wait()

    assert look_at(child.pid) is None


@runs_a_part
def test_the_part_runs_with_every_launcher_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    done = run("-m", "benchmarks", "leaks", "--smoke", "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    found = RunResult.model_validate_json(file.read_text(encoding="utf-8"))
    [part] = found.parts
    assert (found.left, part.failure) == ((), None)
    there = {launcher.key for launcher in LAUNCHERS if launcher.missing() is None}
    assert {one.launcher for one in part.trials} == there
    assert len(part.skipped) == len(LAUNCHERS) - len(there)
    assert all(agent.before == 3 for one in part.trials for agent in one.agents)
    assert [chart.key for chart in part.charts][:2] == ["leaks-share", "leaks-habits"]
