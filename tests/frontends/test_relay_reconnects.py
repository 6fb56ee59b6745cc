"""The relay of a durable agent as a process, from one orchestrator to the next."""

from __future__ import annotations

import signal
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.support.relays import INITIALIZED, TAKEN, code_of, open_place, opening, request

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from tests.support.relays import Place

LOST = -32000
INVALID = -32600

#: Bytes; more than a line may have.
TOO_LONG = 65 * 1024 * 1024


@pytest.fixture
def place(tmp_path: Path) -> Generator[Place]:
    with open_place(tmp_path) as place:
        yield place


def test_the_next_orchestrator_is_found_at_another_path_and_told_how_it_began(place: Place) -> None:
    with place.orchestrator() as first, place.relay() as client:
        session = client.open(first)
        client.ask(1)
        session.answer(session.hear(), said="first")
        assert client.hear()["result"] == {"said": "first"}
        with place.orchestrator() as second:
            first.die()
            session = second.accept()
            greeting = session.hear()
            assert greeting["method"] == "initialize"
            assert greeting["params"] == {"protocolVersion": "2025-06-18"}
            session.answer(greeting, protocolVersion="2025-06-18")
            assert session.hear() == INITIALIZED
            client.ask(2)
            session.answer(session.hear(), said="second")
            # The answer to the greeting would have come before it.
            assert client.hear() == {"jsonrpc": "2.0", "id": 2, "result": {"said": "second"}}


def test_a_real_server_takes_up_a_conversation_that_began_with_another(place: Place) -> None:
    with place.relay() as client:
        with place.server() as first:
            client.initialize()
            assert client.call("get_real_task_status", task_id="T")["success"]
            number = client.order("kill_real_agent", task_id="T", agent_id="a-1")
            # It never answers the first. Its answer to the second says that it has both.
            assert client.call("get_real_task_status", task_id="T")["success"]
            first.kill()
            assert code_of(client.receive(number)) == LOST

        with place.server():
            assert client.call("get_real_task_status", task_id="T")["success"]


def test_a_request_in_flight_is_answered_with_what_is_known_of_it(place: Place) -> None:
    with place.orchestrator() as first, place.relay() as client:
        session = client.open(first)
        client.ask(7)
        assert session.hear()["id"] == 7
        first.die()
        answer = client.hear()
        assert (answer["id"], code_of(answer)) == (7, LOST)
        assert "look at the status" in answer["error"]["message"]
        client.ask(8)
        with place.orchestrator() as second:
            session = second.resume()
            asked = session.hear()
            assert asked["id"] == 8
            session.answer(asked)
            assert client.hear()["result"] == {}


def test_half_an_answer_is_not_passed_on(place: Place) -> None:
    with place.orchestrator() as first, place.relay() as client:
        session = client.open(first)
        client.ask(1)
        session.hear()
        session.connection.sendall(b'{"jsonrpc":"2.0","id":1,"result":{"said":"ha')
        first.die()
        assert code_of(client.hear()) == LOST


def test_an_answer_that_the_orchestrator_gave_before_it_went_counts(place: Place) -> None:
    with place.orchestrator() as first, place.relay() as client:
        session = client.open(first)
        client.ask(1)
        asked = session.hear()
        # The relay finds out that it cannot pass this on before it has read all of the answer.
        client.process.send_signal(signal.SIGSTOP)
        session.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        session.answer(asked, said="x" * 100_000)
        client.ask(2)
        first.die()
        client.process.send_signal(signal.SIGCONT)
        assert client.hear()["result"] == {"said": "x" * 100_000}
        with place.orchestrator() as second:
            assert second.resume().hear()["id"] == 2


def test_what_the_orchestrator_says_together_with_its_handshake_is_heard(place: Place) -> None:
    with place.orchestrator() as first, place.relay() as client:
        session = first.accept(TAKEN + b'{"jsonrpc": "2.0", "method": "early"}\n{"method"')
        assert client.hear()["method"] == "early"
        session.connection.sendall(b': "late"}\n')
        assert client.hear()["method"] == "late"


def test_an_initialize_without_an_answer_is_passed_on_to_the_next(place: Place) -> None:
    with place.orchestrator() as first, place.relay() as client:
        session = first.accept()
        client.send(opening(0), INITIALIZED, request(1, "tools/list"))
        assert [session.hear().get("id") for _ in range(3)] == [0, None, 1]
        first.die()
        assert (lost := client.hear())["id"] == 1
        assert code_of(lost) == LOST
        with place.orchestrator() as second:
            session = second.accept()
            assert session.hear() == opening(0)
            assert session.hear() == INITIALIZED
            session.answer(opening(0), protocolVersion="2025-06-18")
            assert client.hear()["id"] == 0
            second.die()
            with place.orchestrator() as third:
                third.resume()


def test_ten_reconnections_mix_up_no_ids(place: Place) -> None:
    with place.relay() as client:
        orchestrator = place.orchestrator()
        session = client.open(orchestrator)
        for number in range(10):
            text = str(number)
            client.ask(number, text)
            session.hear()
            session.hear()
            answered, lost = (number, text) if number % 2 else (text, number)
            session.answer(request(answered), round=number)
            orchestrator.die()
            orchestrator = place.orchestrator()
            session = orchestrator.resume()
            assert client.hear() == {"jsonrpc": "2.0", "id": answered, "result": {"round": number}}
            answer = client.hear()
            assert (answer["id"], code_of(answer)) == (lost, LOST)

        orchestrator.die()


def test_an_answer_to_an_orchestrator_that_has_gone_reaches_no_other(place: Place) -> None:
    with place.orchestrator() as first, place.relay() as client:
        session = client.open(first)
        session.say(request("q", "ping"), request("r", "ping"))
        assert [client.hear()["id"] for _ in range(2)] == ["q", "r"]
        client.send({"jsonrpc": "2.0", "id": "q", "result": {}})
        assert session.hear() == {"jsonrpc": "2.0", "id": "q", "result": {}}
        with place.orchestrator() as second:
            first.die()
            session = second.resume()
            client.send({"jsonrpc": "2.0", "id": "r", "result": {}}, request(1))
            assert session.hear()["id"] == 1


def test_what_is_no_message_is_passed_on_as_it_is(place: Place) -> None:
    with place.orchestrator() as first, place.relay() as client:
        session = client.open(first)
        for line in (b"nonsense\n", b"[1, 2]\n", b"\xff\xfe\n", b'{"id": null}\r\n', b"[" * 9_000):
            client.stdin.write(line.rstrip(b"\n") + b"\n")
            assert session.hear_line() == line.rstrip(b"\n") + b"\n"
            session.connection.sendall(line.rstrip(b"\n") + b"\n")
            assert client.read_line() == line.rstrip(b"\n")


def test_another_protocol_version_is_reported_and_the_conversation_goes_on(place: Place) -> None:
    with place.orchestrator() as first, place.relay() as client:
        client.open(first)
        first.die()
        assert "no orchestrator answers" in client.read_complaint()
        with place.orchestrator() as second:
            session = second.resume(version="2099-01-01")
            assert "protocol version 2099-01-01" in client.read_complaint()
            client.ask(1)
            assert session.hear()["id"] == 1


def test_an_initialize_that_fails_the_second_time_is_reported_and_the_conversation_goes_on(
    place: Place,
) -> None:
    with place.orchestrator() as first, place.relay() as client:
        client.open(first)
        first.die()
        assert "no orchestrator answers" in client.read_complaint()
        with place.orchestrator() as second:
            session = second.accept()
            failure = {"code": -32603, "message": "no"}
            session.say({"jsonrpc": "2.0", "id": session.hear()["id"], "error": failure})
            assert "does not take this client's initialize" in client.read_complaint()
            client.ask(1)
            assert session.hear() == INITIALIZED
            assert session.hear()["id"] == 1


def test_a_request_that_is_too_long_is_declined_and_the_next_one_passed_on(place: Place) -> None:
    with place.orchestrator() as first, place.relay() as client:
        session = client.open(first)
        client.stdin.write(b'{"id": 1, "method": "' + b"x" * TOO_LONG + b'"}\n')
        client.ask(2)
        assert session.hear()["id"] == 2
        assert code_of(client.hear()) == INVALID


def test_an_answer_that_is_too_long_to_store_is_passed_on_in_pieces(place: Place) -> None:
    with place.orchestrator() as first, place.relay() as client:
        session = client.open(first)
        client.ask(1)
        session.hear()
        sending = threading.Thread(target=session.connection.sendall, args=(b"x" * TOO_LONG,))
        sending.start()
        assert client.process.stdout is not None
        received = 0
        while received < TOO_LONG:
            received += len(client.process.stdout.read(1 << 20))

        sending.join()
        first.die()
        # The client can tell where the torn line ends.
        assert client.read_line() == b""
        assert code_of(client.hear()) == LOST
