"""Bytes to a server, and its answers: each of them checked, and owed exactly once."""

from __future__ import annotations

import json
import os
import select
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, cast

from tests.support.evidence import LONG

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Codes of errors that tell of a fault of the server's own: the SDK's for whatever was raised by
#: a handler, and JSON-RPC's internal error.
_OWN_FAULTS: Final = (0, -32603)

#: A write of so many bytes at most.
_PIECE: Final = 1 << 16


class Claim(NamedTuple):
    """An answer that is owed.

    Attributes:
        ids: One of these will be its id; without any, it may have every id.
        must: Whether there has to be one.
        late: Whether it may also come after answers to what was sent later.
    """

    ids: frozenset[str]
    must: bool = True
    late: bool = False


class Owed:
    """The answers that a server owes for what it was sent, and those that it gave.

    Of some claims not all is known; so what counts is whether answers and claims can be paired.
    """

    def __init__(self, claims: Iterable[Claim] = ()) -> None:
        """Owe these answers."""
        self.claims = list(claims)
        self._heard: list[str] = []
        #: The number of an answer for that of its claim: each answer has one, all the time.
        self._pairs: dict[int, int] = {}

    def settle(self, key: str) -> None:
        """Take an answer.

        Raises:
            AssertionError: It is not owed.
        """
        self._heard.append(key)
        found = self._pair(len(self._heard) - 1, set())
        assert found, f"an answer for {key[:100]}, which is owed none (more)"

    @property
    def due(self) -> list[str]:
        """What must still come."""
        # Claims that must be met take the answers of those that need not.
        missing = [
            number
            for number, claim in enumerate(self.claims)
            if claim.must and number not in self._pairs and not self._take_over(number, set())
        ]
        return [str(set(self.claims[number].ids) or "any") for number in missing]

    @property
    def late(self) -> list[Claim]:
        """What may still come."""
        return [
            claim
            for number, claim in enumerate(self.claims)
            if claim.late and number not in self._pairs
        ]

    def _fits(self, claim: int, answer: int) -> bool:
        ids = self.claims[claim].ids
        return not ids or self._heard[answer] in ids

    def _pair(self, answer: int, tried: set[int]) -> bool:
        """Find a claim for an answer; others may get another one for it."""
        for number in range(len(self.claims)):
            if number not in tried and self._fits(number, answer):
                tried.add(number)
                if number not in self._pairs or self._pair(self._pairs[number], tried):
                    self._pairs[number] = answer
                    return True

        return False

    def _take_over(self, claim: int, tried: set[int]) -> bool:
        """Find an answer for a claim, from one that can do without, or that finds another."""
        for other, answer in list(self._pairs.items()):
            if other not in tried and self._fits(claim, answer):
                tried.add(other)
                if not self.claims[other].must:
                    del self._pairs[other]
                elif not self._take_over(other, tried):
                    continue

                self._pairs[claim] = answer
                return True

        return False


class Conversation:
    """Says and hears at the same time, so that neither side has to wait for the other."""

    def __init__(self, out: int, into: int) -> None:
        """Take the descriptors to write to and to read from, which stay their owner's."""
        self._out = out
        self._into = into
        self._heard = b""
        self._fences = 0
        self._ended = False
        os.set_blocking(out, False)
        self._late: list[Claim] = []

    # ------------------------------------------------------------------------------- messages
    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send one well-formed request and return its answer."""
        self._fences += 1
        request_id = f"ask-{self._fences}"
        owed = Owed([Claim(frozenset({_key(request_id)}))])
        message = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        answers = self.exchange([json.dumps(message).encode() + b"\n"], owed)
        return next(answer for answer in answers if answer["id"] == request_id)

    def exchange(self, pieces: Iterable[bytes], owed: Owed) -> list[dict[str, Any]]:
        """Send pieces that end with a line, and return the answers, once all have come.

        Raises:
            AssertionError: An answer is none, comes too often, or not at all.
        """
        self._fences += 1
        fence = f"fence-{self._fences}"
        for piece in pieces:
            self.say(piece)

        self.say(b'{"jsonrpc":"2.0","id":"%s","method":"ping"}\n' % fence.encode())
        owed.claims += [Claim(frozenset({_key(fence)})), *self._late]
        answers: list[dict[str, Any]] = []
        while owed.due:
            try:
                answer = check_answer(self.next_line())
            except (TimeoutError, EOFError) as error:
                raise AssertionError(f"{error}; owed are still {owed.due[:5]}") from error

            owed.settle(_key(answer["id"]))
            answers.append(answer)

        self._late = owed.late
        return answers

    # ---------------------------------------------------------------------------------- bytes
    def say(self, data: bytes) -> None:
        """Write it all, reading meanwhile."""
        rest = memoryview(data)
        end = time.monotonic() + LONG
        while rest:
            can_read, can_write = self._wait(end, write=True)
            if can_write:
                rest = rest[os.write(self._out, rest[:_PIECE]) :]

            if can_read:
                self._hear()

    def next_line(self) -> bytes:
        """Return the next line.

        Raises:
            TimeoutError, EOFError: There is none.
        """
        end = time.monotonic() + LONG
        while b"\n" not in self._heard:
            if self._ended:
                raise EOFError(f"it has ended, after {self._heard[:200]!r}")

            if self._wait(end, write=False)[0]:
                self._hear()

        line, _, self._heard = self._heard.partition(b"\n")
        return line

    def has_ended(self) -> bool:
        """Wait for the end; False when something comes instead."""
        end = time.monotonic() + LONG
        while not self._ended and not self._heard:
            self._wait(end, write=False)
            self._hear()

        return not self._heard

    def _wait(self, end: float, *, write: bool) -> tuple[bool, bool]:
        reading = [] if self._ended else [self._into]
        left = max(0.0, end - time.monotonic())
        readable, writable, _ = select.select(reading, [self._out] if write else [], [], left)
        if not readable and not writable:
            raise TimeoutError(f"it neither reads nor writes; the last heard is {self._heard!r}")

        return bool(readable), bool(writable)

    def _hear(self) -> None:
        try:
            data = os.read(self._into, 1 << 20)
        except ConnectionError:
            data = b""

        self._heard += data
        self._ended = not data


def _key(request_id: object) -> str:
    return json.dumps(request_id)


def _refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


def check_answer(line: bytes) -> dict[str, Any]:
    """Read a line that must be a JSON-RPC response.

    Raises:
        AssertionError: It is none, or tells of an unexpected error.
    """
    try:
        read: Any = json.loads(line.decode(), parse_constant=_refuse)
    except ValueError as error:
        raise AssertionError(f"no JSON ({error}): {line[:300]!r}") from error

    assert isinstance(read, dict), line[:300]
    answer = cast("dict[str, Any]", read)
    assert answer["jsonrpc"] == "2.0"
    if "result" in answer:
        assert set(answer) == {"jsonrpc", "id", "result"}
        assert isinstance(answer["result"], dict)
        return answer

    assert set(answer) == {"jsonrpc", "id", "error"}
    assert set(answer["error"]) <= {"code", "message", "data"}
    assert isinstance(answer["error"]["message"], str)
    assert type(answer["error"]["code"]) is int
    assert answer["error"]["code"] not in _OWN_FAULTS, answer["error"]
    return answer


def check_tool_result(answer: dict[str, Any]) -> dict[str, Any] | None:
    """Read the answer to a call of a tool; None when its arguments were refused.

    Raises:
        AssertionError: It is not as the contract has it, or tells of an unexpected error.
    """
    if "error" in answer:
        return None

    result = answer["result"]
    (content,) = result["content"]
    assert content["type"] == "text"
    if result["isError"]:
        assert "structuredContent" not in result
        assert content["text"]
        assert not content["text"].startswith("Error calling tool"), content["text"]
        return None

    body: dict[str, Any] = result["structuredContent"]
    assert json.loads(content["text"]) == body
    if body["success"] is not True:
        assert body["success"] is False
        assert isinstance(body["error"], str)
        assert body["error"]

    return body
