"""The demo with the real claude CLI, which talks to a scripted model."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.claude_cli import CLAUDE_MISSING, claude_environment, find_claude
from tests.support.messages_api import messages_api
from tests.support.messages_script import Request, Text, ToolUse

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.messages_script import Block, Turn

    from .programs import Program

CLAUDE = find_claude()
pytestmark = pytest.mark.skipif(CLAUDE is None, reason=CLAUDE_MISSING)

#: Puts the script's name before the prompt, then becomes the CLI.
MARKING = f"""\
import os, re, sys, tempfile
prompt = sys.stdin.read()
script = re.search("headless (\\\\S+) agent", prompt)[1]
with tempfile.TemporaryFile("w+") as marked:
    marked.write(f"[[script {{script}}]]\\n" + prompt)
    marked.seek(0)
    os.dup2(marked.fileno(), 0)
os.execv({str(CLAUDE)!r}, [{str(CLAUDE)!r}, *sys.argv[1:]])
"""
PREFIX = "mcp__claude-orchestrator__"


def report(tool: str, **arguments: object) -> Turn:
    """Report as who the prompt says that one is."""

    def turn(request: Request) -> tuple[Block, ...]:
        identity = {name: request.find(rf"- {name}: (\S+)") for name in ("task_id", "agent_id")}
        return (ToolUse(f"{PREFIX}{tool}", {**identity, **arguments}),)

    return turn


def progress(percent: int, status: str = "working") -> Turn:
    return report("update_agent_progress", status=status, message="so far", progress=percent)


def bash(command: str) -> Turn:
    return (ToolUse("Bash", {"command": command, "description": "as asked", "timeout": 600_000}),)


STAY = bash("tail -f /dev/null")
SCRIPTS: dict[str, tuple[Turn, ...]] = {
    "worker": (
        progress(10),
        report("report_agent_finding", finding_type="issue", severity="low", message="found"),
        progress(90),
        STAY,
    ),
    "tool-child": (bash("setsid sleep 300 >/dev/null 2>&1 &"), progress(60), STAY),
    "daemon": (bash("(setsid env -i /bin/sleep 300 >/dev/null 2>&1 &)"), progress(60), STAY),
    "stubborn": (
        bash("nohup sh -c 'trap \"\" INT TERM HUP; while :; do sleep 1; done' >/dev/null 2>&1 &"),
        progress(50),
        STAY,
    ),
    "quick": (progress(100, "completed"), (Text("Done."),)),
}


def test_nobody_is_left_of_real_agents_either(program: Program, tmp_path: Path) -> None:
    wrapper = tmp_path / "marking.py"
    wrapper.write_text(MARKING)
    with messages_api(SCRIPTS) as api:
        environment = {
            **claude_environment(api.url, tmp_path / "home"),
            "PATH": os.environ["PATH"],
            "CLAUDE_EXECUTABLE": f"{sys.executable} {wrapper}",
        }
        done = program.run(("demo", "--provider", "claude", "--json"), environment)

    assert done.err == ""
    report = done.json
    assert report["not_shown"] == []
    assert report["processes_left"] == []
    assert done.status == 0
    agents = {agent["habit"]: agent for agent in report["agents"]}
    assert agents["quick"]["status"] == "completed"
    assert agents["stubborn"]["killed"] >= 1
    assert agents["daemon"]["escapees"] >= 1
