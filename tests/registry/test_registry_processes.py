"""Several processes use one registry at the same time, and one of them may be killed."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from registry_records import TASK, agent

from orchestrator.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

WORKER = Path(__file__).with_name("registry_worker.py")


def start(workspace: Path, mode: str, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, WORKER, workspace, mode, name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_together(workspace: Path, mode: str, names: Sequence[str]) -> list[list[str]]:
    """Let workers do the same thing at the same moment; return the lines that each printed."""
    printed: list[list[str]] = []
    with ExitStack() as stack:
        workers = [stack.enter_context(start(workspace, mode, name)) for name in names]
        for worker in workers:
            stack.callback(worker.kill)

        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.close()
            worker.stdin = None

        for worker in workers:
            output, errors = worker.communicate(timeout=60)
            assert worker.returncode == 0, errors
            assert errors == ""
            printed.append(output.splitlines())

    return printed


def test_no_change_of_four_processes_is_lost(tmp_path: Path) -> None:
    names = ["north", "east", "south", "west"]

    run_together(tmp_path, "live", names)

    expected = {f"{name}-{number}" for name in names for number in range(50)}
    with Registry.open(tmp_path) as registry:
        agents = registry.agents.find()
        assert {each.id for each in agents} == expected
        assert {each.state.kind for each in agents} == {"exited"}
        assert len(registry.reports.progress(TASK)) == 200
        assert set(registry.reports.latest_progress(TASK)) == expected
        for name in names:
            own = [each.id for each in agents if each.id.startswith(name)]
            assert own == [f"{name}-{number}" for number in range(50)]


def test_a_limit_holds_against_four_processes_at_once(tmp_path: Path) -> None:
    printed = run_together(tmp_path, "crowd", ["north", "east", "south", "west"])

    let_in = [name for lines in printed for name in lines]
    assert len(let_in) == 17
    with Registry.open(tmp_path) as registry:
        assert sorted(each.id for each in registry.agents.find()) == sorted(let_in)


def test_two_processes_agree_on_how_each_agent_ended(tmp_path: Path) -> None:
    with Registry.open(tmp_path) as registry:
        for _ in range(60):
            registry.agents.add(agent())

        optimist, pessimist = run_together(tmp_path, "end", ["optimist", "pessimist"])

        assert len(optimist) == 60
        assert optimist == pessimist
        recorded = [f"{each.id} {each.state.kind}" for each in registry.agents.find()]
        assert recorded == optimist


def test_what_a_killed_process_was_told_is_on_record(tmp_path: Path) -> None:
    with start(tmp_path, "forever", "busy") as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.close()
        told = [worker.stdout.readline().strip() for _ in range(30)]
        worker.kill()
        told += [line.strip() for line in worker.stdout]

    with Registry.open(tmp_path) as registry:
        recorded = [each.id for each in registry.agents.find()]
        # the one that was on its way out may be there without having been named
        assert recorded[: len(told)] == told
        assert len(recorded) <= len(told) + 1
        registry.agents.add(agent())


def test_a_log_that_is_in_use_stays_though_its_process_opened_the_registry_twice(
    tmp_path: Path,
) -> None:
    """Closing any descriptor of the file would free the locks that keep others from removing it."""
    with Registry.open(tmp_path) as one:
        log = one.path.with_name(f"{one.path.name}-wal")
        one.agents.add(agent("early"))
        with Registry.open(tmp_path) as two:
            assert len(two.agents.find()) == 1

        before = log.stat()
        run_together(tmp_path, "crowd", ["other"])

        assert log.stat().st_ino == before.st_ino
        one.agents.add(agent("late"))
        (printed,) = run_together(tmp_path, "end", ["reader"])
        assert printed[0] == "early exited"
        assert printed[-1] == "late exited"
