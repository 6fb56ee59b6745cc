"""The answers that a relay gives itself, where no orchestrator does."""

from __future__ import annotations

import json
from typing import Final, NamedTuple


class Failure(NamedTuple):
    """Why a request has no other answer.

    Attributes:
        code: The code of the error. The protocol leaves -32000 to -32099 to implementations.
        words: What to tell the model.
    """

    code: int
    words: str


WENT_AWAY: Final = Failure(
    -32000,
    "The orchestrator went away before it answered. Whether this was carried out is not known: "
    "look at the status, then call again",
)
NOT_THERE: Final = Failure(
    -32001,
    "There is no orchestrator at present, and this was not carried out. The agent goes on; call "
    "again later",
)
TOO_MANY: Final = Failure(
    -32001,
    "There is no orchestrator at present, and too much waits for it already, so this was not "
    "carried out. The agent goes on; call again later",
)
TOO_LONG: Final = Failure(-32600, "Invalid Request: the message is too long; send less at a time")


def refused(why: object) -> Failure:
    """Tell that the orchestrator does not take this agent."""
    return Failure(
        -32001, f"The orchestrator does not take this agent, and this was not carried out: {why}"
    )


def error_answer(request_id: str | None, failure: Failure) -> bytes:
    """Make the line that tells of a failure.

    Args:
        request_id: Whose answer it is, as JSON; None where that could not be told.
        failure: What to say.
    """
    error = json.dumps({"code": failure.code, "message": failure.words})
    return f'{{"jsonrpc": "2.0", "id": {request_id or "null"}, "error": {error}}}\n'.encode()
