"""What a relay has to know of a JSON-RPC message."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple, cast

INITIALIZE: Final = "initialize"
INITIALIZED: Final = "notifications/initialized"
CANCELLED: Final = "notifications/cancelled"


class Message(NamedTuple):
    """One line, and what it is.

    An id stands here as JSON, so that 1 and "1" differ; None for none, or for what is no id.

    Attributes:
        line: The line, with its end.
        since: When it was read, on the monotonic clock.
        method: What it asks for or tells; None for an answer and for what is no message.
        id: Its id, or the id of what it answers.
        answers: Whether it is an answer, be it an error.
        cancels: The id of the request that it takes back.
    """

    line: bytes
    since: float
    method: str | None = None
    id: str | None = None
    answers: bool = False
    cancels: str | None = None

    @property
    def asks(self) -> bool:
        """Whether somebody waits for its answer."""
        return self.method is not None and self.id is not None


def read_message(line: bytes, since: float = 0.0) -> Message:
    """Read a line; what is no message is a line that neither asks nor answers."""
    said = _object(line)
    method = said.get("method")
    if not isinstance(method, str):
        name = _id(said)
        answers = name is not None and ("result" in said or "error" in said)
        return Message(line, since, id=name, answers=answers)

    about = said.get("params") if method == CANCELLED else None
    cancels = _id(cast("dict[str, object]", about), "requestId") if _is_object(about) else None
    return Message(line, since, method=method, id=_id(said), cancels=cancels)


def protocol_version(answer: bytes) -> object:
    """Return the version that an answer to ``initialize`` names; None for an error."""
    result = _object(answer).get("result")
    return cast("dict[str, object]", result).get("protocolVersion") if _is_object(result) else None


def with_id(line: bytes, name: str) -> bytes:
    """Return the same request under another id."""
    return json.dumps({**_object(line), "id": name}).encode() + b"\n"


def _object(line: bytes) -> dict[str, object]:
    try:
        said: Any = json.loads(line)
    except (ValueError, RecursionError):
        return {}

    return cast("dict[str, object]", said) if isinstance(said, dict) else {}


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _id(said: dict[str, object], name: str = "id") -> str | None:
    found = said.get(name)
    if isinstance(found, str | int) and not isinstance(found, bool):
        return json.dumps(found)

    return None
