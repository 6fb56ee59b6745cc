"""The benchmarks as a program, with counts so small that only their working is shown."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.census import Watch
from benchmarks.model import PartResult, RunResult
from benchmarks.parts import PARTS
from benchmarks.parts.launch.levels import sized
from benchmarks.vitals import Vitals, read_vitals
from tests.benchmarks.following import runs_a_part
from tests.support.evidence import wait_until

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="the parts count with pidfds, which only Linux has"
)


def benchmarks(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = dict(os.environ) if path is None else {**os.environ, "PATH": str(path)}
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def program(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, f"{name} is needed and not there"
    return found


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """Give a PATH on which agents find what they run, and nobody finds tmux."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sleep", "setsid"):
        (folder / name).symlink_to(program(name))

    return folder


def only_part(file: Path) -> tuple[RunResult, PartResult]:
    run = RunResult.model_validate_json(file.read_text(encoding="utf-8"))
    [part] = run.parts
    return run, part


def test_all_parts_are_listed() -> None:
    done = benchmarks("--list")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [part.name for part in PARTS]


def test_a_part_that_is_not_there_is_refused_with_the_names_of_those_that_are() -> None:
    done = benchmarks("lunch")
    assert done.returncode == 2
    assert "launch" in done.stderr


@runs_a_part
def test_launching_is_measured_without_tmux_and_a_compiler_and_says_what_is_missing(
    tmp_path: Path, bare_path: Path
) -> None:
    file = tmp_path / "run.json"
    done = benchmarks("launch", "--smoke", "--json", str(file), path=bare_path)

    assert done.returncode == 0, done.stdout + done.stderr
    run, part = only_part(file)
    assert run.left == ()
    assert "left by the benchmark: no process" in done.stdout
    servers = [one for one in sized(1) if one.missing() is None]
    missing = ["tmux new-session -d", *(one.name for one in sized(1) if one not in servers)]
    not_installed = [one.name for one in part.skipped if "not installed" in one.reason]
    assert not_installed == missing

    bare = ["floor", "posix_spawn", "popen", "anyio", "library"]
    everyone = {*bare, "library-trio", "mcp", *(one.key for one in servers)}
    counts = [{one.key: len(one.times) for one in table} for table in part.series.values()]
    first, alone, many, *heavy, whole = counts
    assert first == dict.fromkeys(everyone, 1)
    assert alone == many == dict.fromkeys(everyone, 3)
    assert whole == dict.fromkeys([*bare, "library-trio"], 4)
    memory = [one.name for one in part.skipped if "MB" in one.name]
    heavies = [f"{key}{kind}" for key in (*bare, "mcp") for kind in ("", "-heavy")]
    assert memory or heavy == [dict.fromkeys(heavies, 4)]
    assert all(time > 0 for table in part.series.values() for one in table for time in one.times)
    assert [chart.key for chart in part.charts][:2] == ["launch-p50", "launch-rate"]
    assert "nothing here compiles C" in done.stdout


@runs_a_part
def test_everything_is_ended_in_every_way_and_who_leaves_somebody_is_said_to(
    tmp_path: Path,
) -> None:
    file = tmp_path / "run.json"
    done = benchmarks("stop", "--smoke", "--json", str(file))

    assert done.returncode == 0, done.stdout + done.stderr
    run, part = only_part(file)
    assert run.left == ()
    [table] = part.tables
    left = {row[0]: row[-1] for row in table.rows}
    clean = ["MCP server: end of input", "MCP server: SIGKILL", "library, asyncio: block left"]
    assert [left[name] for name in clean] == [0, 0, 0]
    assert left["bare Popen: killpg(SIGTERM)"] == 2
    assert left["anyio: terminate()"] == 4
    assert {chart.key for chart in part.charts} == {"stop", "stop-by-count"}
    kept = {(one.who, one.what): one.values for one in part.samples}
    assert kept["anyio", "stop of 2: agents' processes left"] == (4,)
    assert kept["anyio", "stop of 2: all gone"] == (None,)
    assert all(seconds for seconds in kept["anyio", "stop of 2: launch and stop"])


def test_a_contender_that_does_not_work_breaks_the_run_and_leaves_nobody(
    tmp_path: Path, bare_path: Path
) -> None:
    tmux = bare_path / "tmux"
    tmux.write_text("#!/bin/sh\necho no server today >&2\nexit 1\n", encoding="ascii")
    tmux.chmod(0o700)
    file = tmp_path / "run.json"
    done = benchmarks("launch", "--smoke", "--json", str(file), path=bare_path)

    assert done.returncode == 1
    run, part = only_part(file)
    assert run.left == ()
    assert part.failure is not None
    assert "no server today" in part.failure


def test_a_watch_tells_who_has_ended_and_who_is_left() -> None:
    ends = subprocess.Popen([program("sleep"), "0"])
    stays = subprocess.Popen([program("sleep"), "600"])
    try:
        with Watch([ends.pid, stays.pid]) as watch:
            # Until it has ended; whoever is not reaped is still watched.
            os.waitid(os.P_PID, ends.pid, os.WEXITED | os.WNOWAIT)
            assert not watch.wait(quiet=0.5)
            assert watch.left == [stays.pid]
            stays.kill()
            assert watch.wait(quiet=30.0)
            assert set(watch.ended) == {ends.pid, stays.pid}
    finally:
        stays.kill()
        stays.wait()
        ends.wait()


def test_wake_ups_and_time_on_a_processor_are_seen_from_outside() -> None:
    talker = subprocess.Popen(
        [program("cat")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    with talker:
        assert talker.stdin is not None
        assert talker.stdout is not None
        before = read_vitals(talker.pid)

        def talk() -> list[Vitals]:
            # On a busy machine the next byte may be there before it goes to sleep for it.
            assert talker.stdin is not None
            assert talker.stdout is not None
            talker.stdin.write(b"x")
            assert talker.stdout.read(1) == b"x"
            now = read_vitals(talker.pid)
            return [now] if now.wakeups > before.wakeups else []

        (after,) = wait_until(talk, "a wake-up")
        talker.stdin.close()

    assert after.wakeups > before.wakeups
    assert after.cpu_ms > before.cpu_ms
    assert after.pss > 0
    assert (after.descriptors, after.threads) == (3, 1)
