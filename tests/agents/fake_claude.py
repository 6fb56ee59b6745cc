# A stand-in for the claude CLI. It reads its briefing on standard input, obeys the first
# directive in it, e.g. [[fake sleep=600 lines=8 kids=1]], and never lives longer than LIFE.
#
#   sleep=S        live for S seconds                 until=NAME   live until NAME is in the roster
#   lines=N        print N steps                      garbage=1    print a line that is not JSON
#   kids=N         children in its own group          escape=N     children in their own sessions
#   daemon=N       double-forked daemons              touch=NAME   write a file in the cwd
#   ignore=A,B     note these signals and live on     term_save=S  save for S seconds on SIGTERM
#   exit=N         exit with N                        result=error | none
#
# Whoever of it lives writes a note into the folder FAKE_ROSTER, with pid and start time.
from __future__ import annotations

import json
import os
import re
import select
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LIFE = 120
DIRECTIVE = re.compile(r"\[\[fake([^\]]*)\]\]")
ROSTER = Path(os.environ["FAKE_ROSTER"])
AGENT = os.environ.get("ORCHESTRATOR_AGENT_ID", "nobody")
MARKS = ("ORCHESTRATOR_SOCKET", "ORCHESTRATOR_COOKIE", "ORCHESTRATOR_TASK_ID")


def pause(seconds: float) -> None:
    select.select([], [], [], seconds)


def put(name: str, text: str = "") -> None:
    partial = ROSTER / f"{name}.{os.getpid()}.partial"
    partial.write_text(text)
    partial.rename(ROSTER / name)


def start_time() -> int:
    stat = Path("/proc/self/stat")
    return int(stat.read_text().rpartition(")")[2].split()[19]) if stat.exists() else 0


def enroll(role: str) -> None:
    note = {
        "pid": os.getpid(),
        "start": start_time(),
        "role": role,
        "agent_id": AGENT,
        "cwd": str(Path.cwd()),
        "argv": sys.argv,
        "marks": {name: os.environ[name] for name in MARKS if name in os.environ},
    }
    put(f"{AGENT}.{role}.{os.getpid()}.json", json.dumps(note))


def say(event: dict[str, object]) -> None:
    print(json.dumps(event), flush=True)


def linger(seconds: float) -> None:
    signal.alarm(LIFE)
    pause(min(seconds, LIFE))
    os._exit(0)


def child(role: str, *, session: bool, twice: bool) -> None:
    pid = os.fork()
    if pid:
        if twice:
            os.waitpid(pid, 0)

        return

    if session:
        os.setsid()

    if twice and os.fork():
        os._exit(0)

    enroll(role)
    linger(LIFE)


def noting(name: str) -> Callable[[int, object], None]:
    def noted(_number: int, _frame: object) -> None:
        put(f"{AGENT}.got-{name}")

    return noted


def saving(seconds: float) -> Callable[[int, object], None]:
    def save(_number: int, _frame: object) -> None:
        put(f"{AGENT}.saving")
        pause(seconds)
        put(f"{AGENT}.saved")
        os._exit(0)

    return save


def work(lines: int) -> None:
    say({"type": "system", "subtype": "init", "session_id": "fake-session", "cwd": str(Path.cwd())})
    for step in range(lines):
        match step % 3:
            case 0:
                block = {"type": "text", "text": f"step {step}"}
            case 1:
                command = {"command": f"echo {step}"}
                block = {"type": "tool_use", "id": f"t{step}", "name": "Bash", "input": command}
            case _:
                output = f"output {step}"
                block = {"type": "tool_result", "tool_use_id": f"t{step - 1}", "content": output}

        role = "user" if step % 3 == 2 else "assistant"
        say({"type": role, "message": {"role": role, "content": [block]}})


def main() -> int:
    signal.alarm(LIFE)
    briefing = sys.stdin.buffer.read().decode("utf-8", "replace")
    found = DIRECTIVE.search(briefing)
    words = (word.partition("=") for word in (found[1].split() if found else ()))
    wants = {name: value for name, _, value in words}

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for name in filter(None, wants.get("ignore", "").split(",")):
        signal.signal(signal.Signals[f"SIG{name}"], noting(name))

    for role, session, twice in (
        ("kids", False, False),
        ("escape", True, False),
        ("daemon", True, True),
    ):
        for _ in range(int(wants.get(role, "0"))):
            child(role, session=session, twice=twice)

    if "term_save" in wants:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, saving(float(wants["term_save"])))

    work(int(wants.get("lines", "0")))
    if "garbage" in wants:
        print("this line is not json", flush=True)

    if "touch" in wants:
        Path(wants["touch"]).write_text("made by the agent\n")

    enroll("agent")
    while "until" in wants and not (ROSTER / wants["until"]).exists():
        pause(0.02)

    pause(min(float(wants.get("sleep", "0")), LIFE))
    if wants.get("result") != "none":
        bad = wants.get("result") == "error"
        say({"type": "result", "subtype": "success", "is_error": bad, "result": "done"})

    return int(wants.get("exit", "0"))


if __name__ == "__main__":
    sys.exit(main())
