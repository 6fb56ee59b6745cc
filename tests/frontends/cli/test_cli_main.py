"""How the program decides what to be."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

import orchestrator
from orchestrator import __main__ as entry
from orchestrator import config
from orchestrator.frontends.cli.overview import OVERVIEW, own_command
from orchestrator.frontends.cli.program import app
from tests.support.mcp_server import open_lines

from .programs import PATIENCE, PROGRAM, Program

if TYPE_CHECKING:
    from collections.abc import Generator

HEAVY = {"anyio", "mcp", "mcp_types", "psutil", "pydantic", "rich", "typer"}


@pytest.fixture
def short_folder() -> Generator[Path]:
    """A short path: a socket's may have 107 bytes."""
    with TemporaryDirectory(prefix="orc-") as name:
        yield Path(name)


def imported(program: Program, *arguments: str, **environment: str) -> set[str]:
    """Which packages a run of the program loads."""
    done = subprocess.run(
        [sys.executable, "-P", "-X", "importtime", "-m", "orchestrator", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        cwd=program.folder,
        env=program.environment(**environment),
        timeout=PATIENCE,
    )
    lines = done.stderr.decode().splitlines()
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines if "|" in line}


def serve_once(program: Program, *arguments: str, **environment: str) -> tuple[str, int]:
    """Shake hands with a server, and end its input; the name that it gave, and its status."""
    with open_lines(
        [*PROGRAM, *arguments],
        cwd=program.folder,
        env=program.environment(**environment),
        stderr=subprocess.DEVNULL,
    ) as client:
        name = client.initialize()["result"]["serverInfo"]["name"]
        client.end_input()
        return name, client.wait()


def test_the_variables_are_those_of_the_settings() -> None:
    assert entry.SOCKET_VARIABLE == config.SOCKET_VARIABLE
    assert entry.COOKIE_VARIABLE == config.COOKIE_VARIABLE


def test_a_relay_loads_nothing_heavy(program: Program, short_folder: Path) -> None:
    path = short_folder / "s"
    heard: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            heard.append(connection.recv(4_096))
            connection.sendall(b'{"ok": true, "agent_id": "a"}\n')
            while connection.recv(4_096):
                pass

    with socket.socket(socket.AF_UNIX) as listening:
        listening.settimeout(PATIENCE)
        listening.bind(str(path))
        listening.listen()
        server = threading.Thread(target=serve, args=(listening,))
        server.start()
        loaded = imported(program, ORCHESTRATOR_SOCKET=str(path), ORCHESTRATOR_COOKIE="c" * 32)
        server.join(PATIENCE)

    assert json.loads(heard[0]) == {"orchestrator": 1, "cookie": "c" * 32}
    assert "orchestrator" in loaded
    assert not loaded & HEAVY


def test_the_list_of_agents_does_not_load_mcp(program: Program) -> None:
    program("run", "--", "true")
    loaded = imported(program, "ps", "--all")
    assert "typer" in loaded
    assert not loaded & {"mcp", "mcp_types"}


def test_help_does_not_load_the_core(program: Program) -> None:
    assert not imported(program, "--help") & {"anyio", "mcp", "psutil", "pydantic"}


@pytest.mark.parametrize("arguments", [(), ("mcp",)])
def test_without_a_terminal_it_serves_mcp(program: Program, arguments: tuple[str, ...]) -> None:
    assert serve_once(program, *arguments) == ("Claude Orchestrator", 0)


def test_a_copy_whose_orchestrator_is_gone_serves_by_itself(program: Program) -> None:
    served = serve_once(
        program,
        ORCHESTRATOR_SOCKET=str(program.folder / "gone"),
        ORCHESTRATOR_COOKIE="c" * 32,
    )
    assert served == ("Claude Orchestrator", 0)


def test_at_a_terminal_it_says_what_it_is(program: Program) -> None:
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            PROGRAM,
            stdin=theirs,
            capture_output=True,
            check=False,
            cwd=program.folder,
            env=program.environment(),
            timeout=PATIENCE,
        )
    finally:
        os.close(ours)
        os.close(theirs)

    assert done.returncode == 0
    # Started as a module, the program is no file of its own.
    said = done.stdout.decode()
    assert f"--scope user -- {sys.executable} -m orchestrator\n" in said
    assert said.splitlines()[0] == OVERVIEW.splitlines()[0]


def test_a_client_is_told_the_path_of_the_program_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "orchestrator"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    assert own_command(str(script)) == [str(script)]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert own_command("orchestrator") == [str(script)]
    monkeypatch.chdir(tmp_path)
    assert own_command("./orchestrator") == [str(script)]
    assert own_command("/somewhere/__main__.py") == [sys.executable, "-m", "orchestrator"]


def test_help_shows_the_default_workspace(program: Program) -> None:
    assert "[default: .agent-workspace]" in program("--help", COLUMNS="200").out


def test_every_command_explains_itself() -> None:
    runner = CliRunner()
    for command in ("run", "ps", "logs", "stop", "doctor", "demo", "mcp"):
        shown = runner.invoke(app, [command, "--help"])
        assert shown.exit_code == 0
        assert f"orchestrator {command}" in shown.output or command in shown.output
        assert command in OVERVIEW or command == "mcp"


def test_the_version_is_shown() -> None:
    shown = CliRunner().invoke(app, ["--version"])
    assert (shown.exit_code, shown.output) == (0, f"orchestrator {orchestrator.__version__}\n")


@pytest.mark.parametrize("arguments", [("pss",), ("ps", "--nonsense"), ("logs",)])
def test_what_cannot_be_understood_ends_with_2(
    program: Program, arguments: tuple[str, ...]
) -> None:
    done = program(*arguments)
    assert done.status == 2
    assert "Usage:" in done.err


def test_a_wrong_setting_is_one_line(program: Program) -> None:
    done = program("ps", CLAUDE_ORCHESTRATOR_MAX_DEPTH="deep")
    assert done.status == 1
    assert done.err == (
        "orchestrator: CLAUDE_ORCHESTRATOR_MAX_DEPTH must be a whole number, not 'deep'\n"
    )
