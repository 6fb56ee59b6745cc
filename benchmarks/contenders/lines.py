"""A child process that is talked to in lines of JSON."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

from benchmarks.errors import BrokenError
from benchmarks.ground import wait_ended

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.ground import Ground

#: Seconds that an answer may take.
ANSWER_LIMIT: Final = 60.0

_CHUNK = 1 << 16
_TAIL = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line that was read.

    Attributes:
        text: Without its end.
        at: When its last byte was read, by ``time.perf_counter``.
    """

    text: bytes
    at: float


class LineChild:
    """One such process.

    Attributes:
        process: The process.
        began: When it was started, by ``time.perf_counter``.
    """

    def __init__(
        self, ground: Ground, argv: Sequence[str], *, environment: Mapping[str, str], name: str
    ) -> None:
        """Start it; what it says on standard error is kept for the day that it breaks."""
        self._name = name
        self._buffer = bytearray()
        self._errors = ground.new_folder() / "stderr"
        with self._errors.open("wb") as errors:
            self.began = time.perf_counter()
            self.process = ground.spawn(
                argv,
                environment=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def send(self, *messages: object) -> None:
        """Write messages, all in one go; what it answers meanwhile is kept.

        Raises:
            BrokenError: It does not read any more.
        """
        data = b"".join(json.dumps(message).encode() + b"\n" for message in messages)
        target = self._pipe(self.process.stdin).fileno()
        answers = self._pipe(self.process.stdout).fileno()
        while data:
            # Both would wait for ever if its answers filled their pipe before all is written.
            readable, writable, _ = select.select([answers], [target], [], ANSWER_LIMIT)
            if not readable and not writable:
                raise self._broken(f"did not read for {ANSWER_LIMIT:.0f} s")

            if readable:
                self._read(answers)

            if writable:
                data = data[self._write(target, data[: select.PIPE_BUF]) :]

    def receive(self, *, limit: float = ANSWER_LIMIT) -> dict[str, Any]:
        """Read the next message.

        Args:
            limit: Seconds that it may take.

        Raises:
            BrokenError: None came in time, or none will.
        """
        return json.loads(self.receive_line(limit=limit).text)

    def receive_line(self, *, limit: float = ANSWER_LIMIT) -> Line:
        """Read the next message as it is; see `receive`.

        Raises:
            BrokenError: None came in time, or none will.
        """
        descriptor = self._pipe(self.process.stdout).fileno()
        at = time.perf_counter()
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if not select.select([descriptor], [], [], limit)[0]:
                raise self._broken(f"gave no answer within {limit:.0f} s")

            self._read(descriptor)
            at = time.perf_counter()

        line = Line(text=bytes(self._buffer[:end]), at=at)
        del self._buffer[: end + 1]
        return line

    def ready(self, seconds: float) -> bool:
        """Wait so long for something to read; returns whether there is."""
        if b"\n" in self._buffer:
            return True

        return bool(select.select([self._pipe(self.process.stdout)], [], [], seconds)[0])

    def hang_up(self) -> None:
        """Close its input, which is its sign to leave; returns at once."""
        self._pipe(self.process.stdin).close()

    def kill(self) -> None:
        """SIGKILL; returns at once."""
        self.process.kill()

    def close(self) -> int:
        """Let it leave and wait for it; returns its exit status.

        Raises:
            BrokenError: It stays.
        """
        self.hang_up()
        try:
            return wait_ended(self.process, what=self._name)
        finally:
            self._pipe(self.process.stdout).close()

    def said(self) -> bytes:
        """Return what it said on standard error."""
        return self._errors.read_bytes()

    def _read(self, descriptor: int) -> None:
        data = os.read(descriptor, _CHUNK)
        if not data:
            raise self._broken("ended without an answer")

        self._buffer += data

    def _write(self, descriptor: int, data: bytes) -> int:
        try:
            return os.write(descriptor, data)
        except OSError as error:
            raise self._broken(f"does not listen ({error.strerror})") from error

    def _broken(self, what: str) -> BrokenError:
        tail = self.said()[-_TAIL:].decode("utf-8", "replace").strip()
        return BrokenError(f"{self._name} {what}; it said: {tail or 'nothing'}")

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe
