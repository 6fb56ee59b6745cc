"""The structured form of a tool's answer, which is its text once more, read as JSON.

The SDK would take it apart and copy it three times on its way to the wire, at ten times the cost of
writing it: of an answer of a megabyte that is most of the time. So it gets an empty object instead,
and behind the SDK the text itself takes that place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
    from mcp_types import JSONRPCResponse

#: Where the structured form has its place in the result of a call, and in the SDK's name for it.
STRUCTURED: Final = "structuredContent"

_CALL: Final = "tools/call"


@dataclass(frozen=True, slots=True)
class Verbatim:
    """JSON that goes out as it is.

    Attributes:
        text: An object, in one line.
    """

    text: str


class _Anything(BaseModel):
    """An object of which nothing is kept: reading it so costs a quarter of making its values."""


def check_json(text: str) -> None:
    """Make sure that the other end can read it.

    Raises:
        ValueError: It is no JSON object, or nested more deeply than JSON is read.
    """
    try:
        _Anything.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(f"its answer could not be read: {error.errors()[0]['msg']}") from None


async def fill_in(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Put the text of a tool's answer in the place of its structured form, as middleware.

    What has no such place stays as it is: errors, and versions of the protocol that know of none.
    """
    result = await call_next(ctx)
    if ctx.method != _CALL or not isinstance(result, dict) or STRUCTURED not in result:
        return result

    return {**result, STRUCTURED: Verbatim(result["content"][0]["text"])}


def spliced(message: JSONRPCResponse, form: Verbatim) -> bytes:
    """Return the line of a response whose structured form is this one.

    Raises:
        JSONEncodeError: The rest of it cannot be written.
    """
    result = {**message.result, STRUCTURED: orjson.Fragment(form.text)}
    request_id = orjson.Fragment(to_json(message.id))  # an integer of any size
    return orjson.dumps(
        {"jsonrpc": message.jsonrpc, "id": request_id, "result": result},
        option=orjson.OPT_APPEND_NEWLINE,
    )
