"""One agent in the foreground."""

from __future__ import annotations

import re
import signal
import sys

import pytest

from .programs import Program, finish, interrupt, is_there, wait_for

#: Ignores the polite signals, and says when it does.
STUBBORN = (
    "import signal, sys, time\n"
    "for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP): signal.signal(n, signal.SIG_IGN)\n"
    "print('deaf', flush=True)\n"
    "signal.pause()\n"
    "while True: signal.pause()\n"
)

#: The program, but that it gives an agent more time to end by itself than any test takes.
PATIENT = """
import sys
from orchestrator.__main__ import main
from orchestrator.model import StopPolicy
from orchestrator.providers import CommandProvider
CommandProvider.stop = StopPolicy(term_grace=600.0)
sys.exit(main())
"""


def test_output_and_exit_status_are_passed_on(program: Program) -> None:
    done = program("run", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.status, done.out, done.err) == (7, "out\n", "err\n")


def test_a_signal_that_ends_the_agent_is_passed_on_as_shells_do(program: Program) -> None:
    done = program("run", "--", "sh", "-c", "kill -KILL $$")
    assert done.status == 128 + signal.SIGKILL


def test_what_is_piped_in_is_its_standard_input(program: Program) -> None:
    done = program("run", "--", "cat", stdin="zwölf\n".encode())
    assert (done.status, done.out) == (0, "zwölf\n")


def test_what_is_piped_in_must_be_text(program: Program) -> None:
    done = program("run", "--", "cat", stdin=b"\xff\xfe")
    assert done.status == 1
    assert done.err.startswith("orchestrator: what is piped in is not UTF-8 text")


def test_more_output_than_a_pipe_holds_arrives_whole(program: Program) -> None:
    done = program("run", "--", "sh", "-c", "seq 1 200000")
    assert done.out == "".join(f"{number}\n" for number in range(1, 200_001))


def test_output_arrives_while_the_agent_runs(program: Program) -> None:
    process = program.start("run", "--", "sh", "-c", "echo early; exec sleep 300")
    assert process.stdout is not None
    assert process.stdout.readline() == b"early\n"
    assert process.poll() is None


def test_what_it_leaves_behind_is_swept_and_said(program: Program) -> None:
    done = program("run", "--", "sh", "-c", "setsid sleep 300 >/dev/null & echo $!")
    assert done.status == 0
    left = int(done.out)
    assert re.search(
        rf"^orchestrator: agent sh-\S+ left 1 process behind \(\w+ {left}\); ended in \d+ ms"
        r".*, left: none\n$",
        done.err,
    )
    assert not is_there(left)


def test_it_runs_where_it_is_told_to(program: Program) -> None:
    (program.folder / "below").mkdir()
    done = program("run", "--cwd", "below", "--", "pwd")
    assert done.out == f"{program.folder / 'below'}\n"


def test_options_after_the_program_are_its_own(program: Program) -> None:
    done = program("run", "echo", "--json", "-p")
    assert done.out == "--json -p\n"


def test_json_says_how_it_ended(program: Program) -> None:
    done = program("run", "--json", "--", "sh", "-c", "echo hidden; exit 3")
    assert done.status == 3
    assert done.json["status"] == "failed"
    assert done.json["exit"] == {"kind": "code", "code": 3}
    assert "cookie" not in done.json


def test_ctrl_c_asks_politely_and_says_so(program: Program) -> None:
    process = program.start("run", "--", "sleep", "300")
    (agent,) = program.wait_running()
    interrupt(process)
    done = finish(process)
    assert done.status == 128 + signal.SIGINT
    assert "Ctrl-C again kills them now" in done.err
    assert "left: none" in done.err
    assert not is_there(agent["pid"])
    (ended,) = program.agents("--all")
    assert ended["status"] == "terminated"
    assert ended["receipt"]["reason"] == "Ctrl-C"
    assert ended["receipt"]["killed"] == []


def test_a_second_ctrl_c_kills_at_once(program: Program) -> None:
    patient = (sys.executable, "-P", "-c", PATIENT)
    process = program.start("run", "--", sys.executable, "-c", STUBBORN, program=patient)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b"deaf\n"
    interrupt(process)
    assert b"Ctrl-C again" in process.stderr.readline()
    interrupt(process)
    assert b"killing them now" in process.stderr.readline()
    done = finish(process)
    assert done.status == 128 + signal.SIGINT
    (ended,) = program.agents("--all")
    assert [note["pid"] for note in ended["receipt"]["killed"]] != []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_stop_it_too(program: Program, number: signal.Signals) -> None:
    process = program.start("run", "--", "sleep", "300")
    (agent,) = program.wait_running()
    process.send_signal(number)
    done = finish(process)
    assert done.status == 128 + number
    assert number.name in done.err
    assert not is_there(agent["pid"])


def test_a_killed_run_takes_its_agent_along(program: Program) -> None:
    process = program.start("run", "--", "sleep", "300")
    (agent,) = program.wait_running()
    process.kill()
    finish(process)
    wait_for(lambda: not is_there(agent["pid"]))


def test_a_reader_that_goes_away_ends_the_agent(program: Program) -> None:
    process = program.start("run", "--", "yes")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    process.stderr.read()
    assert process.wait(20) == 128 + signal.SIGPIPE
    assert program.agents() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--", "no-such-program"), "cannot find 'no-such-program' on PATH"),
        (("--cwd", "nowhere", "--", "true"), "no such directory"),
    ],
)
def test_what_cannot_be_started_is_one_line(
    program: Program, arguments: tuple[str, ...], said: str
) -> None:
    done = program("run", *arguments)
    assert done.status == 1
    assert done.err.startswith("orchestrator: ")
    assert said in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("workspace", ["/etc/passwd", "/proc/x"])
def test_a_workspace_that_cannot_be_made_is_one_line(program: Program, workspace: str) -> None:
    done = program("-w", workspace, "run", "--", "true")
    assert done.status == 1
    assert done.err.startswith(f"orchestrator: {workspace} cannot be used as a workspace (")
    assert done.err.count("\n") == 1
    checks = program("-w", workspace, "doctor", "--json", CLAUDE_EXECUTABLE="none")
    assert checks.status == 1
    broken = [one for one in checks.json["checks"] if one["verdict"] == "broken"]
    assert [one["name"] for one in broken] == ["folder"]
    assert workspace in broken[0]["found"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say what to run: `orchestrator run -- make test`"),
        (("--provider", "abacus", "--", "true"), "'abacus' is none; there are: claude, command"),
    ],
)
def test_a_command_line_that_makes_no_sense_ends_with_2(
    program: Program, arguments: tuple[str, ...], said: str
) -> None:
    done = program("run", *arguments, COLUMNS="200")
    assert done.status == 2
    assert said in done.err
    assert "Usage:" in done.err
