"""The relay of a durable agent as a process, while there is no orchestrator, and at its end."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.support import relays
from tests.support.relays import code_of, notification, open_place, opening, request

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from tests.support.relays import Place

NOBODY = -32001

#: Seconds without room for more after which a pipe is taken to be full.
FULL = 1.0

#: Lets a relay wait for the last answers longer than any test takes.
PATIENT = """
from orchestrator.frontends.relay import reconnecting
reconnecting.DRAIN_TIME = 60.0
"""


@pytest.fixture
def place(tmp_path: Path) -> Generator[Place]:
    with open_place(tmp_path) as place:
        yield place


@pytest.mark.parametrize("missing", [False, True], ids=["dangling", "missing"])
def test_with_nobody_there_it_waits_and_serves_nothing_itself(
    place: Place, *, missing: bool
) -> None:
    if missing:
        place.address.unlink()

    with place.relay() as client:
        assert client.read_complaint() == (
            f"orchestrator relay: no orchestrator answers at {place.address}; "
            "waiting for the next one"
        )
        client.send(opening())
        with place.orchestrator() as orchestrator:
            session = orchestrator.accept()
            asked = session.hear()
            assert asked == opening()
            session.answer(asked, protocolVersion="2025-06-18")
            assert client.hear()["id"] == "init"
            assert client.read_complaint() == "orchestrator relay: there is an orchestrator again"


def test_what_waits_too_long_is_declined_and_a_notification_forgotten(place: Place) -> None:
    with place.relay(hold=0.2) as client:
        client.send(opening(), notification("notifications/old"))
        client.ask(1)
        for number in ("init", 1):
            answer = client.hear()
            assert (answer["id"], code_of(answer)) == (number, NOBODY)
            assert "call again later" in answer["error"]["message"]

    with place.relay(hold=0.2) as client:
        client.send(notification("notifications/old"), request(1))
        assert code_of(client.hear()) == NOBODY
        with place.orchestrator() as orchestrator:
            session = orchestrator.accept()
            client.ask(2)
            assert session.hear()["id"] == 2


def test_as_many_as_there_is_room_for_are_held_in_their_order(place: Place) -> None:
    with place.relay() as client:
        for number in range(1_002):
            client.ask(number)

        for number in (1_000, 1_001):
            answer = client.hear()
            assert (answer["id"], code_of(answer)) == (number, NOBODY)

        with place.orchestrator() as orchestrator:
            session = orchestrator.accept()
            assert [session.hear()["id"] for _ in range(1_000)] == list(range(1_000))


def test_as_many_bytes_as_there_is_room_for_are_held(place: Place) -> None:
    with place.relay() as client:
        for number in (1, 2, 3):
            client.send(request(number, text="x" * 6_000_000))

        client.ask(4)
        assert client.hear()["id"] == 3
        with place.orchestrator() as orchestrator:
            session = orchestrator.accept()
            assert [session.hear()["id"] for _ in range(3)] == [1, 2, 4]


def test_a_held_request_that_is_cancelled_is_never_carried_out(place: Place) -> None:
    with place.relay() as client:
        client.ask(1)
        client.ask("1")
        client.send(notification("notifications/cancelled", requestId=1))
        client.ask(2)
        client.read_complaint()
        with place.orchestrator() as orchestrator:
            session = orchestrator.accept()
            assert [session.hear()["id"] for _ in range(2)] == ["1", 2]


def test_s3_whoever_is_refused_by_the_next_orchestrator_ends(place: Place) -> None:
    with place.orchestrator() as first, place.relay() as client:
        client.open(first)
        first.die()
        assert "no orchestrator answers" in client.read_complaint()
        client.ask(1)
        with place.orchestrator() as second:
            second.accept(b'{"error": "this agent has ended"}\n')
            answer = client.hear()
            assert (answer["id"], code_of(answer)) == (1, NOBODY)
            refusal = b"orchestrator relay: refused: this agent has ended\n"
            assert client.end_of() == (1, b"", refusal)


@pytest.mark.parametrize("answer", [b"", b"nonsense\n", b"[]\n", b"x" * 9_000])
def test_a_stranger_at_the_socket_is_not_the_orchestrator(place: Place, answer: bytes) -> None:
    with place.orchestrator() as stranger, place.relay() as client:
        session = stranger.accept(answer)
        if answer:
            assert session.hear_line() == b""

        client.ask(1)
        with place.orchestrator() as orchestrator:
            stranger.die()
            assert orchestrator.accept().hear()["id"] == 1


def test_it_knocks_ever_more_rarely_at_a_door_that_is_shut_in_its_face(place: Place) -> None:
    knocks: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place.folder / "nobody.sock"))
        listening.listen()
        listening.settimeout(0.0)
        # It knocks seven times meanwhile; without a pause it would be thousands of times.
        with place.relay(hold=3.0) as client:
            client.ask(1)
            assert client.process.stdout is not None
            # Until it declines the request.
            while listening in select.select([listening, client.process.stdout], [], [])[0]:
                knocks.append(listening.accept()[0])
                knocks[-1].close()

        assert 1 < len(knocks) < 50


def test_at_end_of_input_the_last_answers_still_pass(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "PROGRAM", PATIENT + relays.PROGRAM)
    with place.orchestrator() as first, place.relay() as client:
        session = client.open(first)
        client.stdin.write(b"last words")
        client.end_input()
        assert session.hear_line() == b"last words\n"
        assert session.hear_line() == b""
        session.connection.sendall(b"last answer\n")
        first.die()
        assert client.end_of() == (0, b"last answer\n", b"")


def test_at_end_of_input_an_orchestrator_that_keeps_silent_is_not_waited_for(place: Place) -> None:
    with place.orchestrator() as first, place.relay() as client:
        client.open(first)
        client.end_input()
        assert client.end_of() == (0, b"", b"")


def test_at_end_of_input_nobody_is_waited_for_who_is_not_there(place: Place) -> None:
    with place.relay() as client:
        assert "no orchestrator answers" in client.read_complaint()
        client.ask(1)
        client.end_input()
        assert code_of(client.hear()) == NOBODY
        assert client.end_of() == (0, b"", b"")


def test_a_client_that_takes_no_answers_is_gone(place: Place) -> None:
    with place.relay(hold=0.2) as client:
        assert client.process.stdout is not None
        client.process.stdout.close()
        client.process.stdout = None
        client.ask(1)
        assert client.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_at_once_while_it_waits(place: Place, number: signal.Signals) -> None:
    with place.relay() as client:
        client.read_complaint()
        client.process.send_signal(number)
        assert client.end_of() == (-number, b"", b"")


def test_without_input_there_is_no_client(place: Place) -> None:
    with place.orchestrator(), place.relay(redirections="<&-") as client:
        assert client.end_of() == (0, b"", b"")


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, orchestrator.frontends.relay.reconnecting; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    imported = {name.partition(".")[0] for name in done.stdout.decode().split()}
    assert {"orchestrator", "socket"} <= imported
    heavy = {"asyncio", "anyio", "trio", "pydantic", "mcp", "mcp_types", "psutil", "typer", "rich"}
    assert not imported & heavy


@pytest.mark.parametrize("there", [False, True], ids=["nobody", "an orchestrator that is stuck"])
def test_a_client_that_sends_without_end_and_never_reads_is_not_stored(
    place: Place, *, there: bool
) -> None:
    line = json.dumps(request(1)).encode() + b"\n"
    with place.orchestrator() as stuck, place.relay() as client:
        if there:
            client.open(stuck)
        else:
            stuck.die()

        os.set_blocking(client.stdin.fileno(), False)
        written = 0
        # It takes no more when its memory, its answers and all pipes are full.
        while select.select([], [client.stdin], [], FULL)[1]:
            written += client.stdin.write(line * 500) or 0
            assert written < 64_000_000

        stuck.die()
        assert client.process.stdout is not None
        client.process.stdout.close()
        client.process.stdout = None
        assert client.wait() == 0


def test_how_long_it_takes_to_start(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    with place.orchestrator() as orchestrator:
        began = time.monotonic()
        with place.relay():
            orchestrator.accept()
            milliseconds = (time.monotonic() - began) * 1_000

    with capsys.disabled():
        sys.stdout.write(f"\nreconnecting relay: {milliseconds:.0f} ms to its handshake\n")
