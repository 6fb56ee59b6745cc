"""The demo, on the real server, nursery and keepers."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from orchestrator.frontends.cli.demo.habits import HABITS
from orchestrator.frontends.cli.demo.samples import MARKER, mcp_command

from .programs import PATIENCE, Program, is_there, wait_for

ROOT = str(Path(__file__).resolve().parents[3])
SAMPLES = (sys.executable, "-P", "-m", "orchestrator.frontends.cli.demo.samples")


def test_the_demo_leaves_nobody_and_counts_to_prove_it(program: Program) -> None:
    # A short path, for the server's socket is to be in it.
    with TemporaryDirectory(prefix="orc-") as temporary:
        done = program("demo", "--json", TMPDIR=temporary, XDG_RUNTIME_DIR=temporary)
        assert list(Path(temporary).iterdir()) == []

    assert done.err == ""
    assert done.status == 0
    report = done.json
    assert report["processes_left"] == []
    assert report["not_shown"] == []
    agents = {agent["habit"]: agent for agent in report["agents"]}
    assert set(agents) == {habit.name for habit in HABITS}
    # The server, the nursery, and a keeper and an agent for each habit, and what they started.
    assert report["processes_started"] >= 2 + 2 * len(HABITS) + 2
    assert agents["quick"]["status"] == "completed"
    assert agents["worker"]["percent"] == 90
    assert agents["tool-child"]["escapees"] == 1
    assert agents["daemon"]["escapees"] == 1
    assert agents["stubborn"]["killed"] >= 1
    assert {agent["status"] for habit, agent in agents.items() if habit != "quick"} == {
        "terminated"
    }
    # Nothing but its temporary folder was written to.
    assert list(program.folder.iterdir()) == []


def test_the_demo_tells_its_story_in_lines_when_piped(program: Program) -> None:
    done = program("demo")
    assert done.status == 0
    assert re.search(r"worker +working +90%  writing it up", done.out)
    assert re.search(
        r"\d+ processes are there, \d+ more ha\w+ ended already; the server gets SIGKILL", done.out
    )
    assert re.search(r"tool-child +ended +60%  its last process is gone", done.out)
    assert re.search(r"Processes started: \d+; left: none, \d+\.\d s later\.", done.out)
    assert "\x1b" not in done.out


def test_the_real_cli_is_asked_for_clearly_when_it_is_missing(program: Program) -> None:
    done = program("demo", "--provider", "claude", CLAUDE_EXECUTABLE="no-such-cli")
    assert done.status == 1
    assert done.err.startswith("orchestrator: the claude CLI ('no-such-cli') was not found")


def test_a_demo_that_is_ended_early_leaves_nothing_either(program: Program) -> None:
    temporary = program.folder / "tmp"
    temporary.mkdir()
    demo = program.start("demo", TMPDIR=str(temporary), XDG_RUNTIME_DIR=str(temporary))
    assert demo.stdout is not None
    pids: list[int] = []
    for line in iter(demo.stdout.readline, b""):
        found = re.search(rb"my (?:tool|daemon) (\d+)", line)
        if found:
            pids.append(int(found.group(1)))
            if len(pids) == 2:
                # A second one, as impatient people send it, changes nothing.
                demo.terminate()
                demo.terminate()

    assert demo.wait(PATIENCE) == 128 + signal.SIGTERM
    assert len(set(pids)) == 2
    wait_for(lambda: not any(map(is_there, pids)))

    assert list(temporary.iterdir()) == []


def test_the_samples_run_in_place_of_the_cli(program: Program) -> None:
    done = program(
        "run", "--provider", "claude", stdin=b"[habit: quick]", CLAUDE_EXECUTABLE=" ".join(SAMPLES)
    )
    assert done.status == 0
    (agent,) = program.agents("--all")
    assert (agent["status"], agent["cost_usd"]) == ("completed", 0.0)


def test_another_provider_is_refused(program: Program) -> None:
    done = program("demo", "--provider", "abacus", COLUMNS="200")
    assert done.status == 2
    assert "there is: claude" in done.err


def test_a_sample_without_a_server_says_so_and_ends_with_a_result() -> None:
    done = subprocess.run(
        SAMPLES, input=b"[habit: quick]", capture_output=True, check=False, timeout=20
    )
    assert done.returncode == 0
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["type"] for line in lines] == ["system", "assistant", "result"]
    assert b"nobody to report to" in done.stderr


def test_samples_start_with_the_standard_library_alone() -> None:
    code = (
        "import orchestrator.frontends.cli.demo.samples\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(names - sys.stdlib_module_names))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-c", f"import sys; sys.path.append({ROOT!r})\n{code}"],
        capture_output=True,
        check=True,
        timeout=20,
    )
    assert done.stdout.decode().strip() == "['__main__', 'orchestrator']"


def test_the_server_to_report_to_is_read_from_the_file(tmp_path: Path) -> None:
    config = tmp_path / "mcp.json"
    config.write_text(json.dumps({"mcpServers": {"x": {"command": "python", "args": ["-m", "y"]}}}))
    assert mcp_command(["--print", "--mcp-config", str(config)]) == ["python", "-m", "y"]
    assert mcp_command(["--print"]) is None
    assert mcp_command(["--mcp-config"]) is None


def test_every_habit_is_known_to_the_samples() -> None:
    for habit in HABITS:
        found = MARKER.search(habit.prompt(real=False))
        assert found is not None
        assert found.group(1) == habit.name
        assert MARKER.search(habit.prompt(real=True)) is None
