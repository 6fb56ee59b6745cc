"""The soak as a program: it runs, and it sees what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from benchmarks.soaking.model import SoakReport, Wrong
from benchmarks.soaking.plan import draw_cycle, draw_last, draw_lives
from tests.benchmarks.following import runs_a_part

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="the soak counts below a subreaper, as on Linux only"
)

#: Runs two cycles of one life of a library's program, which a test has put something wrong into.
DRIVER = """
import sys
from contextlib import nullcontext
from benchmarks.ground import open_ground
from benchmarks.soaking.conduct import Asked, conduct
from benchmarks.soaking.lane import PROGRAMS

class Silent:
    def begin(self, what, steps): ...
    def advance(self): ...

asked = Asked(
    seed=1, cycles=10, from_cycle=2, to_cycle=3, lanes=1, patience=float(sys.argv[2]),
    programs={**PROGRAMS, "library": (sys.executable, sys.argv[1])},
)
with open_ground() as ground:
    report = conduct(asked, ground, Silent())
    report = report.model_copy(update={"left": ground.sweep()})
print(report.model_dump_json())
"""

WORKER = "\nfrom benchmarks.workers import soaked\nsys.exit(soaked.main())\n"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def run_wrong(folder: Path, wrong: str, *, patience: float) -> SoakReport:
    program = folder / "wrong.py"
    program.write_text(f"import sys\n{wrong}{WORKER}", encoding="utf-8")
    done = run("-c", DRIVER, str(program), str(patience))
    assert done.returncode == 0, done.stderr
    return SoakReport.model_validate_json(done.stdout)


def list_of(found: SoakReport, kind: Wrong) -> list[str]:
    return [each.detail for each in found.findings if each.kind == kind]


@runs_a_part
def test_a_few_cycles_find_nothing_wrong(tmp_path: Path) -> None:
    file = tmp_path / "soak.json"
    options = ("--seed", "5", "--cycles", "5", "--lanes", "2", "--json", str(file))
    done = run("-m", "benchmarks.soak", *options)

    assert done.returncode == 0, done.stdout + done.stderr
    found = SoakReport.model_validate_json(file.read_text(encoding="utf-8"))
    assert found.sound
    assert (found.done, found.cut_short) == (5, False)
    assert {each.life.house for each in found.lives} == {"library", "mcp"}
    launched = sum(sum(each.agents.values()) for each in found.lives)
    drawn = [
        *(launch for life in draw_lives(5, 5) for launch in draw_last(5, life)),
        *(
            launch
            for life in draw_lives(5, 5)
            for index in life.cycles
            for launch in draw_cycle(5, life, index).launches
        ),
    ]
    assert launched <= len(drawn)
    assert sum(each.agents for each in found.reports) >= launched - 5


ORPHAN = """
import subprocess
subprocess.Popen(["sleep", "100"], start_new_session=True)
"""
ZOMBIE = """
import subprocess
ended = subprocess.Popen(["true"])
"""
OUTCOME = """
from orchestrator.model import ExitedWithCode
from orchestrator.supervision import ending
conclude = ending.conclude
ending.conclude = lambda report, how, *more, **named: conclude(
    report, ExitedWithCode(code=126), *more, **named
)
"""
SHUTDOWN = """
import logging
logging.disable(logging.INFO)
"""
DESCRIPTORS = """
import os
from benchmarks.workers import soaked
requests = soaked.requests_async
async def leaking():
    async for request in requests():
        os.open("/dev/null", os.O_RDONLY)
        yield request
soaked.requests_async = leaking
"""
THREADS = """
import threading
from benchmarks.workers import soaked
answer = soaked._Program._answer
async def threaded(self, orchestrator, request):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    await answer(self, orchestrator, request)
soaked._Program._answer = threaded
"""
DURABLE = """
from orchestrator.supervision.agent import Agent
Agent.lives_on = property(lambda agent: False)
"""
STATUS = """
import atexit, os
atexit.register(os._exit, 3)
"""


def test_an_orphan_and_a_zombie_are_found_and_ended_and_fail_the_run(tmp_path: Path) -> None:
    found = run_wrong(tmp_path, ORPHAN + ZOMBIE, patience=1.0)
    assert any("sleep" in orphan for orphan in list_of(found, "orphan")), found.findings
    assert any("true" in zombie for zombie in list_of(found, "zombie")), found.findings
    assert not found.sound
    assert found.left == ()


def test_everything_else_that_is_wrong_is_found(tmp_path: Path) -> None:
    assert "adopted" in {each.fate for each in draw_last(1, list(draw_lives(1, 10))[1])}
    wrong = OUTCOME + SHUTDOWN + DESCRIPTORS + THREADS + DURABLE + STATUS
    found = run_wrong(tmp_path, wrong, patience=3.0)
    details = {kind: "; ".join(list_of(found, kind)) for kind in get_args(Wrong)}
    assert "exited code 126" in details["outcome"]
    assert "did not begin" in details["shutdown"]
    assert "+" in details["descriptors"]
    assert "+" in details["threads"]
    assert "ended with its orchestrator" in details["durable"]
    assert "exit status 3" in details["status"]
    assert found.left == ()


def test_a_program_that_does_not_answer_breaks_its_life_and_not_the_run(tmp_path: Path) -> None:
    found = run_wrong(tmp_path, "sys.exit('no orchestrator today')", patience=1.0)
    assert [(each.kind, each.cycle) for each in found.findings] == [("broken", 2)]
    assert "no orchestrator today" in found.findings[0].detail
    assert found.left == ()
