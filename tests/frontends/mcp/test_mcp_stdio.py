"""The server as a process: how it ends, and that nothing but the protocol is on its wire."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Any, cast

import pytest

from .clients import INITIALIZE, INITIALIZED, call

if TYPE_CHECKING:
    from collections.abc import Generator

LONG = 20.0
ROOT = Path(__file__).parents[3]

STATUSES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


class Server:
    """A running one."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    @property
    def stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    def wait_said(self, what: str) -> None:
        assert self.process.stderr is not None
        while line := self.process.stderr.readline():
            if line.strip() == f"[{what}]".encode():
                return

        raise AssertionError(f"it ended without saying {what!r}")

    def send(self, *messages: dict[str, Any]) -> None:
        self.stdin.write(b"".join(json.dumps(one).encode() + b"\n" for one in messages))

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def signal(self, name: str) -> None:
        self.process.send_signal(signal.Signals[name])

    def end(self) -> tuple[int, list[str]]:
        """Wait for its end; return its exit status and what it said after `wait_said`."""
        _, err = self.process.communicate(timeout=LONG)
        return self.process.returncode, re.findall(r"^\[(.*)\]$", err.decode(), re.MULTILINE)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def server(
    *habits: str, backend: str = "asyncio", agents: str = "-", **options: Any
) -> Generator[Server]:
    streams: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }
    environment = {**os.environ, "ORCHESTRATOR_BACKEND": backend, **options.pop("variables", {})}
    program = [sys.executable, "-m", "tests.frontends.mcp.stdio_program", agents, *habits]
    started = subprocess.Popen(program, cwd=ROOT, env=environment, bufsize=0, **(streams | options))
    with cast("subprocess.Popen[bytes]", started) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


def test_end_of_input_ends_it_with_status_0(backend: str) -> None:
    with server(backend=backend) as process:
        process.wait_said("open")
        assert process.end() == (0, ["shutdown: end of input", "closed"])


@pytest.mark.parametrize("name", STATUSES)
def test_a_signal_ends_it_and_the_status_tells_which(backend: str, name: str) -> None:
    with server(backend=backend) as process:
        process.wait_said("open")
        process.signal(name)
        assert process.process.wait(LONG) == STATUSES[name]
        assert process.end() == (STATUSES[name], [f"shutdown: {name}", "closed"])


def test_later_signals_neither_hasten_nor_change_the_end(backend: str) -> None:
    with server("slow-close", backend=backend) as process:
        process.wait_said("open")
        process.signal("SIGINT")
        process.wait_said("closing")
        for name in ("SIGTERM", "SIGHUP", "SIGINT", "SIGTERM"):
            process.signal(name)

        assert process.end() == (130, ["closed"])


def test_a_signal_after_end_of_input_does_not_break_the_shutdown(backend: str) -> None:
    with server("slow-close", backend=backend) as process:
        process.wait_said("open")
        process.stdin.close()
        process.process.stdin = None
        process.wait_said("closing")
        process.signal("SIGTERM")
        assert process.end() == (0, ["closed"])


@pytest.mark.parametrize("name", STATUSES)
def test_a_signal_that_comes_when_all_is_over_does_not_change_the_status(
    backend: str, name: str
) -> None:
    with server("slow-leave", backend=backend) as process:
        process.wait_said("open")
        process.signal("SIGINT")
        process.wait_said("leaving")
        process.signal(name)
        # The end of its input lets it go.
        assert process.end() == (130, [])


def test_a_signal_while_the_house_opens_is_an_orderly_end(backend: str) -> None:
    with server("slow-open", backend=backend) as process:
        process.wait_said("opening")
        process.signal("SIGTERM")
        assert process.end() == (143, [])


def test_a_call_that_hangs_does_not_hold_up_the_end(backend: str) -> None:
    for name, status in (("SIGTERM", 143), (None, 0)):
        with server(backend=backend) as process:
            process.send(
                INITIALIZE, INITIALIZED, call(1, "kill_real_agent", task_id="T", agent_id="a")
            )
            process.wait_said("a slow call")
            if name:
                process.signal(name)
                assert process.process.wait(LONG) == status

            assert process.end()[0] == status


def test_calls_and_their_answers_pass(backend: str) -> None:
    with server(backend=backend) as process:
        process.send(INITIALIZE)
        assert process.receive()["result"]["serverInfo"]["name"] == "Claude Orchestrator"
        process.send(INITIALIZED, call(1, "get_real_task_status", task_id="T"))
        assert process.receive()["result"]["structuredContent"] == {
            "success": True,
            "method": "status",
        }


def test_stray_output_does_not_get_into_the_protocol() -> None:
    with server("chatty") as process:
        process.send(INITIALIZE, INITIALIZED, call(1, "get_real_task_status", task_id="T"))
        assert process.receive()["id"] == 0
        assert process.receive()["id"] == 1
        out, err = process.process.communicate(timeout=LONG)

    assert out == b""
    assert b"a stray print\n" in err
    assert b"a stray write\n" in err


def test_requests_from_a_file_are_answered_before_the_end(backend: str, tmp_path: Path) -> None:
    asked = [INITIALIZE, INITIALIZED, call(1, "get_real_task_status", task_id="T")]
    path = tmp_path / "input"
    path.write_text("\n".join(json.dumps(one) for one in asked))
    with path.open("rb") as file, server("patient", backend=backend, stdin=file) as process:
        assert process.receive()["id"] == 0
        assert process.receive()["id"] == 1
        assert process.end()[0] == 0


def test_without_any_input_it_ends_at_once(backend: str) -> None:
    with server(backend=backend, stdin=subprocess.DEVNULL) as process:
        assert process.end() == (0, ["opening", "open", "shutdown: end of input", "closed"])


def close_stdin() -> None:
    os.close(0)


def test_with_standard_input_closed_it_ends_at_once() -> None:
    with server(stdin=None, preexec_fn=close_stdin) as process:
        assert process.end()[0] == 0


def test_sockets_serve_as_standard_input_and_output() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, server(stdin=theirs, stdout=theirs) as process:
        theirs.close()
        ours.settimeout(LONG)
        ours.sendall(json.dumps(INITIALIZE).encode() + b"\n")
        with ours.makefile("rb") as lines:
            assert json.loads(lines.readline())["id"] == 0

        ours.shutdown(socket.SHUT_WR)
        assert process.end()[0] == 0


@pytest.mark.parametrize("kind", ["pipe", "socket"])
@pytest.mark.parametrize("name", ["SIGTERM", None])
def test_a_client_that_never_reads_does_not_hold_up_the_end(
    backend: str, kind: str, name: str | None
) -> None:
    ours, theirs = socket.socketpair()
    stdout = subprocess.PIPE if kind == "pipe" else theirs
    with ours, theirs, server("big", backend=backend, stdout=stdout) as process:
        # More than the server keeps for a client, so that it has stopped reading as well.
        asked = [call(n, "get_real_task_status", task_id="T") for n in range(1, 60)]
        process.send(INITIALIZE, INITIALIZED, *asked)
        process.wait_said("call 30")
        if name:
            process.signal(name)
        else:
            process.stdin.close()

        assert process.process.wait(LONG) == (STATUSES[name] if name else 0)


def test_a_client_that_closes_only_our_output_is_gone(backend: str) -> None:
    with server(backend=backend) as process:
        process.wait_said("open")
        assert process.process.stdout is not None
        process.process.stdout.close()
        process.process.stdout = None
        process.send(INITIALIZE)
        assert process.process.wait(LONG) == 0


def test_a_log_that_nobody_reads_stops_nothing() -> None:
    with server("loud") as process:
        process.send(INITIALIZE)
        assert process.receive()["id"] == 0
        process.signal("SIGTERM")
        assert process.process.wait(LONG) == 143


def test_a_stuck_thread_does_not_keep_the_process() -> None:
    with server("stuck-thread") as process:
        process.wait_said("open")
        assert process.end()[0] == 0


def test_a_house_that_cannot_open_says_why_in_one_line() -> None:
    with server("unusable") as process:
        _, err = process.process.communicate(timeout=LONG)

    assert process.process.returncode == 1
    assert b"is upside down; turn it round\n" in err
    assert b"Traceback" not in err


def test_an_unexpected_failure_leaves_a_traceback_in_the_log() -> None:
    with server("broken") as process:
        _, err = process.process.communicate(timeout=LONG)

    assert process.process.returncode == 1
    assert b"RuntimeError: a bug" in err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLAUDE_ORCHESTRATOR_MAX_AGENTS", "many"),
        ("ORCHESTRATOR_BACKEND", "curio"),
        ("ORCHESTRATOR_LOG", "loud"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with server(variables={name: value}) as process:
        _, err = process.process.communicate(timeout=LONG)

    assert process.process.returncode == 2
    assert name.encode() in err
    assert err.count(b"\n") == 1


RELAY = "import sys; from orchestrator.frontends.relay import main; sys.exit(main(*sys.argv[1:]))"


def test_a_relay_speaks_to_the_orchestrator_until_that_is_killed(backend: str) -> None:
    with TemporaryDirectory(prefix="orc-") as folder:
        path = f"{folder}/s"
        with server(backend=backend, agents=path) as process:
            process.send(INITIALIZE)
            assert process.receive()["id"] == 0
            with subprocess.Popen(
                [sys.executable, "-c", RELAY, path, "good"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
            ) as relay:
                nested = Server(relay)
                nested.send(INITIALIZE)
                assert nested.receive()["result"]["serverInfo"]["name"] == "Claude Orchestrator"
                nested.send(INITIALIZED, call(1, "get_real_task_status", task_id="T"))
                assert nested.receive()["result"]["isError"] is False
                process.process.kill()
                assert relay.wait(LONG) == 1
