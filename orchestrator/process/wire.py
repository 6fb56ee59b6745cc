"""The messages between the orchestrator, its nursery and its keepers: JSON, one a line."""

from __future__ import annotations

import json
import os

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypedDict

    class PolicyMessage(TypedDict):
        """A stop policy, as plain numbers; see `orchestrator.model.StopPolicy`."""

        polite_signal: int | None
        polite_grace: float
        term_grace: float
        linger: float
        kill_limit: float

    class LimitsMessage(TypedDict):
        """What a keeper watches; see `orchestrator.model.Limits`. None is no limit."""

        wall_clock: float | None
        idle: float | None
        memory: int | None
        output: int | None

    class LimitNoteMessage(TypedDict):
        """A limit that was nearly reached, or reached; see `orchestrator.model.LimitNote`."""

        limit: str
        used: float
        allowed: float

    class LaunchMessage(TypedDict):
        """To a keeper, first line: what to start.

        `path` is the executable as an absolute path, `argv[0]` what it is told to be called.
        `log` is the file that gets the keeper's log lines. `door` is where the keeper of a durable
        agent listens for its next orchestrator; None for a bound one. `orphan_limit` is how many
        seconds a durable agent may be without one.
        """

        agent_id: str
        path: str
        argv: list[str]
        env: dict[str, str]
        cwd: str
        prompt: str
        stdout: str
        stderr: str
        outcome: str
        log: str
        policy: PolicyMessage
        limits: LimitsMessage
        door: str | None
        orphan_limit: float | None

    class StopMessage(TypedDict):
        """To a keeper: take the agent down, ``op`` being ``stop`` or, without grace, ``kill``.

        `limit` names the limit that is the reason, if one is.
        """

        op: str
        reason: str
        policy: PolicyMessage | None
        limit: str | None

    class NoteMessage(TypedDict):
        """One process; see `orchestrator.model.ProcessNote`."""

        pid: int
        name: str
        session: int

    class ReceiptMessage(TypedDict):
        """What a stop did; see `orchestrator.model.StopReceipt`. `began_at` is Unix time."""

        reason: str
        began_at: float
        duration_ms: float
        signalled: list[NoteMessage]
        escapees: list[NoteMessage]
        killed: list[NoteMessage]
        survivors: list[NoteMessage]

    class OutcomeMessage(TypedDict):
        """A keeper's last word, as it is written and told; times are Unix times.

        `exit` is None for a leader that even SIGKILL could not end.
        """

        agent_id: str
        pid: int
        exit: tuple[str, int] | None
        requested: bool
        started_at: float
        exited_at: float
        ended_at: float
        user_s: float
        system_s: float
        max_rss_bytes: int
        left_behind: list[NoteMessage]
        receipt: ReceiptMessage | None
        limit: str | None
        warnings: list[LimitNoteMessage]


#: Larger than any message that is meant; more than this without a line's end is a fault.
LINE_MAX = 64 * 1024 * 1024

# Made once: a fresh keeper would pay for the pages that `json.loads` and `json.dumps` touch around
# these, a third of a millisecond.
_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().raw_decode


def encode(message: object) -> bytes:
    """Return a message as one line.

    Text from the environment may hold undecodable bytes as lone surrogates; they survive.
    """
    return _encode(message).encode("ascii") + b"\n"


def send(descriptor: int, message: object) -> bool:
    """Write a message to a blocking descriptor; False when nobody reads it any more.

    A plain descriptor, because making a socket object of it costs a fresh keeper a tenth of its
    start.
    """
    rest = encode(message)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        return False

    return True


class LineBuffer:
    """Bytes in, whole messages out."""

    def __init__(self) -> None:
        """Start empty."""
        self._pending = b""

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Take more bytes; return the messages that are complete now.

        Raises:
            ValueError: A line is not a JSON object, or longer than `LINE_MAX`.
        """
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > LINE_MAX:
            raise ValueError("a line without an end")

        messages: list[dict[str, Any]] = []
        for line in lines:
            if not line.startswith(b"{"):
                raise ValueError(f"not a message: {line[:80]!r}")

            text = line.decode()
            message, end = _decode(text)
            if end != len(text):
                raise ValueError(f"more than a message: {line[end : end + 80]!r}")

            messages.append(message)

        return messages
