"""How a relay and an orchestrator shake hands: one line each."""

from __future__ import annotations

#: Type checkers take it for true. `typing` itself would take half of a relay's start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

#: Seconds for a live orchestrator to say who we are; one that was stopped for a while may take it.
HANDSHAKE_TIME: Final = 15

#: How the answer of an orchestrator that takes us begins and ends.
_TAKEN: Final = b'{"ok": true, "agent_id": "'
_TAKEN_END: Final = b'"}'

#: Bytes of its answer.
HANDSHAKE_MAX: Final = 4_096


class RefusedError(Exception):
    """There is an orchestrator, and it does not take us; the message says why."""


class StrangerError(Exception):
    """What answers is no orchestrator."""


def introduction(cookie: str) -> bytes:
    """Return what the relay says first."""
    if cookie.isascii() and cookie.isalnum():
        return f'{{"orchestrator": 1, "cookie": "{cookie}"}}\n'.encode()

    import json  # noqa: PLC0415  cookies of ours do without it

    return json.dumps({"orchestrator": 1, "cookie": cookie}).encode() + b"\n"


def read_answer(received: bytes) -> bytes | None:
    """Read the orchestrator's answer.

    Args:
        received: All that it has said so far.

    Returns:
        What follows the answer; None as long as that is not complete.

    Raises:
        RefusedError: It does not take us.
        StrangerError: This is no answer to the handshake.
    """
    line, end, early = received.partition(b"\n")
    if not end:
        if len(received) > HANDSHAKE_MAX:
            raise StrangerError("no answer to the handshake")

        return None

    if line.startswith(_TAKEN) and line.endswith(_TAKEN_END):
        return early

    answer = _decoded(line)
    if "error" in answer:
        raise RefusedError(str(answer["error"]))

    if not answer.get("ok"):
        raise StrangerError("no answer to the handshake")

    return early


def _decoded(line: bytes) -> dict[str, object]:
    import json  # noqa: PLC0415  an orchestrator that takes us says so in words that need it not
    from typing import cast  # noqa: PLC0415

    try:
        said: Any = json.loads(line)
    except (ValueError, RecursionError):
        said = None

    return cast("dict[str, object]", said) if isinstance(said, dict) else {}
