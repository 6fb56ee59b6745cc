"""The relay as a process: between a client's pipes and an orchestrator's socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

COOKIE = "c" * 32
LONG = 10.0
NOBODY = 77

#: What ``__main__`` does with the answer, and a report of what was imported.
PROGRAM = f"""
import sys
from orchestrator.frontends.relay import main
status = main(sys.argv[1], sys.argv[2])
if status is None:
    sys.stderr.write("left: " + sys.stdin.readline())
    sys.exit({NOBODY})
sys.exit(status)
"""

#: Waits for the last answers longer than any test takes. The package has a function of that name.
PATIENT = f"""
import sys
import orchestrator.frontends.relay.plain
sys.modules["orchestrator.frontends.relay.plain"].DRAIN_TIME = 60.0
{PROGRAM}
"""

IMPORTS = """
import sys
from orchestrator.frontends.relay import main
print(*sorted(name.partition(".")[0] for name in sys.modules))
"""


@pytest.fixture
def path() -> Generator[Path]:
    with TemporaryDirectory(prefix="orc-") as name:
        yield Path(name) / "s"


class Orchestrator:
    """The other end of the socket, in the hand of the test."""

    def __init__(self, path: Path) -> None:
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(path))
        self.listening.listen()
        self.listening.settimeout(LONG)

    def accept(self, answer: dict[str, Any]) -> socket.socket:
        connection, _ = self.listening.accept()
        connection.settimeout(LONG)
        said = json.loads(connection.recv(4_096))
        assert said == {"orchestrator": 1, "cookie": COOKIE}
        connection.sendall(json.dumps(answer).encode() + b"\n")
        return connection


@contextmanager
def relay(path: Path, program: str = PROGRAM) -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path), COOKIE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def session(
    path: Path, program: str = PROGRAM
) -> Generator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """A relay that has shaken hands."""
    orchestrator = Orchestrator(path)
    with (
        orchestrator.listening,
        relay(path, program) as process,
        orchestrator.accept({"ok": True, "agent_id": "a-1"}) as connection,
    ):
        yield process, connection


def read_exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        assert piece
        data += piece

    return data


def end_of(process: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    out, err = process.communicate(timeout=LONG)
    return process.returncode, out, err


def test_bytes_pass_in_both_directions_as_they_are(path: Path) -> None:
    with session(path) as (process, connection):
        assert process.stdin is not None
        assert process.stdout is not None
        sent = os.urandom(40_000)
        process.stdin.write(sent)
        assert read_exactly(connection, 40_000) == sent
        connection.sendall(sent[::-1])
        received = b""
        while len(received) < 40_000:
            received += process.stdout.read(65_536)

        assert received == sent[::-1]


def test_at_end_of_input_the_last_answers_still_pass(path: Path) -> None:
    with session(path, PATIENT) as (process, connection):
        assert process.stdin is not None
        process.stdin.write(b"last words\n")
        process.stdin.close()
        process.stdin = None
        assert read_exactly(connection, 11) == b"last words\n"
        assert connection.recv(1) == b""
        connection.sendall(b"last answer\n")
        connection.close()
        assert end_of(process) == (0, b"last answer\n", b"")


def test_at_end_of_input_an_orchestrator_that_keeps_silent_is_not_waited_for(
    path: Path,
) -> None:
    with session(path) as (process, _):
        assert end_of(process) == (0, b"", b"")


def test_an_orchestrator_that_goes_away_ends_the_relay_with_one_line(path: Path) -> None:
    with session(path) as (process, connection):
        connection.close()
        assert process.wait(LONG) == 1
        assert end_of(process) == (1, b"", b"orchestrator relay: the orchestrator went away\n")


def test_a_client_that_takes_no_answers_is_gone(path: Path) -> None:
    with session(path) as (process, connection):
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        connection.sendall(b"answer\n")
        assert process.wait(LONG) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_at_once_without_a_word(path: Path, number: signal.Signals) -> None:
    with session(path) as (process, _):
        process.send_signal(number)
        assert process.wait(LONG) == -number
        assert end_of(process) == (-number, b"", b"")


def test_without_a_socket_the_caller_serves_and_no_input_is_lost(path: Path) -> None:
    with relay(path) as process:
        assert process.stdin is not None
        process.stdin.write(b"hello\n")
        assert end_of(process) == (NOBODY, b"", b"left: hello\n")


def test_with_a_dead_socket_the_caller_serves(path: Path) -> None:
    Orchestrator(path).listening.close()
    with relay(path) as process:
        assert process.stdin is not None
        process.stdin.write(b"hello\n")
        assert end_of(process) == (NOBODY, b"", b"left: hello\n")


def test_s3_whoever_is_refused_gets_no_server_of_its_own(path: Path) -> None:
    orchestrator = Orchestrator(path)
    with orchestrator.listening, relay(path) as process:
        connection, _ = orchestrator.listening.accept()
        with connection:
            connection.recv(4_096)
            connection.sendall(b'{"error": "this agent has ended"}\n')

        refusal = b"orchestrator relay: refused: this agent has ended\n"
        assert end_of(process) == (1, b"", refusal)


@pytest.mark.parametrize("answer", [b"", b"nonsense\n", b"[]\n"])
def test_answered_by_a_stranger_the_caller_serves_and_no_input_is_lost(
    path: Path, answer: bytes
) -> None:
    orchestrator = Orchestrator(path)
    with orchestrator.listening, relay(path) as process:
        connection, _ = orchestrator.listening.accept()
        with connection:
            connection.recv(4_096)
            connection.sendall(answer)

        assert process.stdin is not None
        process.stdin.write(b"hello\n")
        assert end_of(process) == (NOBODY, b"", b"left: hello\n")


def test_a_path_that_no_socket_can_have_is_nobody() -> None:
    with relay(Path("/" + "x" * 500)) as process:
        assert end_of(process)[0] == NOBODY


def test_nothing_heavy_is_imported(path: Path) -> None:
    with relay(path, IMPORTS) as process:
        imported = set(end_of(process)[1].decode().split())

    assert {"orchestrator", "_socket"} <= imported
    heavy = {
        "asyncio",
        "typing",
        "json",
        "socket",
        "threading",
        "anyio",
        "trio",
        "pydantic",
        "mcp",
        "mcp_types",
        "psutil",
        "typer",
        "rich",
    }
    assert not imported & heavy


def test_how_long_it_takes_to_start(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orchestrator = Orchestrator(path)
    began = time.monotonic()
    with orchestrator.listening, relay(path):
        orchestrator.accept({"ok": True, "agent_id": "a-1"}).close()

    with capsys.disabled():
        milliseconds = (time.monotonic() - began) * 1_000
        sys.stdout.write(f"\nrelay: {milliseconds:.0f} ms to its handshake and end\n")
