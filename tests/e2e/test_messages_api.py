"""The scripted stand-in for the Messages API, tried with the real claude CLI."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.config import CLAUDE_FLAGS
from orchestrator.model import AgentSpec
from orchestrator.providers import ClaudeProvider
from tests.support import echo_server
from tests.support.claude_cli import CLAUDE_MISSING, claude_environment, find_claude
from tests.support.messages_api import MessagesApi, messages_api, serving
from tests.support.messages_script import Request, Silence, Text, ToolUse

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from tests.support.messages_script import Block

CLAUDE = find_claude()
pytestmark = pytest.mark.skipif(CLAUDE is None, reason=CLAUDE_MISSING)

ECHO = "mcp__claude-orchestrator__echo"
#: Seconds after which a run of the CLI is given up; it takes 2 to 5.
LIMIT = 60.0


class Cli:
    """Runs of the CLI in a folder of their own."""

    def __init__(self, folder: Path, api: MessagesApi, *server_args: str) -> None:
        """Write the MCP file, with the echo server under the orchestrator's name."""
        assert CLAUDE is not None
        self._folder = folder
        self.provider = ClaudeProvider(
            executable=(str(CLAUDE),),
            flags=tuple(shlex.split(CLAUDE_FLAGS)),
        )
        self._config = folder / "mcp.json"
        server = {"command": sys.executable, "args": [echo_server.__file__, *server_args]}
        self._config.write_text(json.dumps({"mcpServers": {"claude-orchestrator": server}}))
        (folder / "home").mkdir()
        self._environment = claude_environment(api.url, folder / "home")
        self.stdout = folder / "stdout"
        self.stderr = folder / "stderr"

    @contextlib.contextmanager
    def start(
        self,
        prompt: str,
        env: Mapping[str, str] | None = None,
        *,
        with_server: bool = True,
    ) -> Generator[subprocess.Popen[bytes]]:
        """Start it as the orchestrator does; whatever happens, it is gone afterwards."""
        config = self._config if with_server else None
        stdin = self._folder / "prompt"
        stdin.write_text(prompt)
        with (
            stdin.open() as read,
            self.stdout.open("wb") as out,
            self.stderr.open("wb") as err,
            subprocess.Popen(
                self.provider.invocation(AgentSpec(provider="claude"), config).argv,
                stdin=read,
                stdout=out,
                stderr=err,
                cwd=self._folder,
                env={**self._environment, **(env or {})},
                start_new_session=True,
            ) as process,
        ):
            try:
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def run(self, prompt: str, env: Mapping[str, str] | None = None) -> int:
        """Run it to its end and give the exit code."""
        with self.start(prompt, env) as process:
            return process.wait(LIMIT)

    def events(self) -> list[dict[str, Any]]:
        """Give what it printed."""
        return [json.loads(line) for line in self.stdout.read_text().splitlines()]


def call_echo(request: Request) -> list[Block]:
    return [ToolUse(ECHO, {"text": request.find(r"word=(\w+)")})]


def repeat_result(request: Request) -> list[Block]:
    word = request.find_in_result(r"echo: (\w+)")
    return [Text(f"I heard {word}")]


def test_the_cli_calls_a_tool_of_its_mcp_server_and_ends_with_a_result(tmp_path: Path) -> None:
    with messages_api({"talk": [call_echo, repeat_result]}) as api:
        cli = Cli(tmp_path, api)

        code = cli.run("[[script talk]] word=swordfish")

        assert code == 0, cli.stderr.read_text()
        last = api.conversation("talk")[-1]
        assert last.turn == 1
        assert [result.is_error for result in last.tool_results] == [False]
        assert "echo: swordfish" in last.tool_results[0].text

    result = cli.provider.read_result(cli.stdout)
    assert result is not None
    assert (result.text, result.is_error) == ("I heard swordfish", False)
    assert result.session_id == cli.events()[0]["session_id"]
    assert result.turns is not None
    assert result.turns >= 2
    assert result.input_tokens == 10 * result.turns
    assert cli.stderr.read_text() == ""


def test_a_tool_of_a_server_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)

    def open_gate_and_call_echo(request: Request) -> list[Block]:
        if not request.waits:
            gate.write_bytes(b"")

        return call_echo(request)

    with messages_api({"late": [open_gate_and_call_echo, repeat_result]}) as api:
        cli = Cli(tmp_path, api, str(gate))

        code = cli.run("[[script late]] word=patience")

        assert code == 0, cli.stderr.read_text()
        first, *_, last = api.conversation("late")
        assert ECHO not in first.tools
        assert last.turn == 1
        assert last.waits >= 1  # more often on a machine that does other work

    result = cli.provider.read_result(cli.stdout)
    assert result is not None
    assert result.text == "I heard patience"


def test_a_tool_whose_definition_is_deferred_is_searched_for(tmp_path: Path) -> None:
    with messages_api({"search": [call_echo, repeat_result]}) as api:
        cli = Cli(tmp_path, api)

        code = cli.run("[[script search]] word=found", {"ENABLE_TOOL_SEARCH": "true"})

        assert code == 0, cli.stderr.read_text()
        assert ECHO not in api.conversation("search")[0].tools

    result = cli.provider.read_result(cli.stdout)
    assert result is not None
    assert result.text == "I heard found"


@pytest.mark.parametrize("with_server", [False, True])
def test_sigint_ends_a_tool_call_that_stands_in_its_own_session(
    tmp_path: Path,
    *,
    with_server: bool,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT)
        port = listener.getsockname()[1]
        # The descriptor is open as long as the sleep lives.
        command = f"exec 3<>/dev/tcp/127.0.0.1/{port}; echo $$ >&3; exec sleep 1000"
        script = [[Text("I sleep."), ToolUse("Bash", {"command": command})]]
        with messages_api({"sleep": script}) as api:
            cli = Cli(tmp_path, api)
            with cli.start("[[script sleep]]", with_server=with_server) as process:
                liveness, _ = listener.accept()
                with liveness:
                    liveness.settimeout(LIMIT)
                    tool = int(liveness.makefile().readline())
                    try:
                        assert os.getsid(tool) == tool
                        assert os.getsid(process.pid) == process.pid
                        process.send_signal(cli.provider.stop.polite_signal or signal.SIGTERM)

                        assert liveness.recv(1) == b""
                        process.wait(LIMIT)
                    finally:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(tool, signal.SIGKILL)

    result = cli.provider.read_result(cli.stdout)
    assert result is not None
    assert result.is_error


def test_a_script_that_wants_what_is_not_there_fails_loudly(tmp_path: Path) -> None:
    api = MessagesApi({"broken": [[ToolUse("no_such_tool", {})]]})
    cli = Cli(tmp_path, api)
    with contextlib.ExitStack() as stack:
        stack.enter_context(pytest.raises(ExceptionGroup, match="could not go on"))
        stack.enter_context(serving(api))
        assert cli.run("[[script broken]]") == 1

    result = cli.provider.read_result(cli.stdout)
    assert result is not None
    assert result.is_error
    assert "no_such_tool" in (result.text or "")


def test_a_model_that_says_nothing_is_seen_waiting_until_its_agent_is_killed(
    tmp_path: Path,
) -> None:
    with messages_api({"silent": [[Silence()]]}) as api:
        cli = Cli(tmp_path, api)
        with cli.start("[[script silent]]") as process:
            api.wait_request(lambda request: request.script == "silent", timeout=LIMIT)
            process.kill()
            assert process.wait(LIMIT) == -signal.SIGKILL

    result = cli.provider.read_result(cli.stdout)
    assert result is not None
    assert result.is_error


def test_without_the_variables_that_are_unset_the_cli_finds_its_key(tmp_path: Path) -> None:
    with messages_api({"hello": [[Text("hello")]]}) as api:
        cli = Cli(tmp_path, api)
        unset = cli.provider.invocation(AgentSpec(provider="claude"), None).unset
        assert "CLAUDE_CODE_ENTRYPOINT" in unset

        # This is what an agent would inherit of an editor's session.
        assert cli.run("[[script hello]]", {"CLAUDE_CODE_ENTRYPOINT": "claude-vscode"}) == 1
        assert cli.run("[[script hello]]") == 0
