"""Newline-delimited JSON-RPC: bytes to lines, lines to messages, messages to bytes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, cast

import anyio
from mcp.shared.dispatcher import as_request_id
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCResponse,
    RequestId,
    jsonrpc_message_adapter,
)
from orjson import JSONEncodeError
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, from_json

from .verbatim import STRUCTURED, Verbatim, spliced

if TYPE_CHECKING:
    from anyio.abc import ByteReceiveStream

#: The longest line that is taken, in bytes.
LINE_MAX: Final = 64 * 1024 * 1024

#: Bytes at either end of a line in which the id of a request is looked for that is not read.
EDGE: Final = 4_096

#: What JSON allows and the parser does not: nesting beyond 200 levels, numbers beyond 4,300 digits.
_BEYOND: Final = ("recursion limit exceeded", "number out of range")

_TEXT: Final = rb'"(?:[^"\\]|\\.)*"'
_ID: Final = rb'"id"\s*:\s*(' + _TEXT + rb"|-?\d+)"
_FLAT: Final = rb'"(?:jsonrpc|method)"\s*:\s*' + _TEXT
_ID_AT_THE_HEAD: Final = re.compile(rb"\s*\{\s*(?:" + _FLAT + rb"\s*,\s*)*" + _ID + rb"\s*[,}]")
_ID_AT_THE_TAIL: Final = re.compile(rb"[{,]\s*" + _ID + rb"\s*(?:,\s*" + _FLAT + rb"\s*)*\}\s*\Z")


class LineTooLongError(ValueError):
    """A line exceeded `LINE_MAX`; it was thrown away, and the next one can be read."""


class NotAMessageError(ValueError):
    """A line is no JSON-RPC message.

    Attributes:
        answer: What to tell the client.
    """

    def __init__(self, answer: JSONRPCError) -> None:
        """Take the answer."""
        super().__init__(answer.error.message)
        self.answer = answer


class LineReader:
    """Cuts a byte stream into lines, holding at most one line and one chunk in memory."""

    def __init__(self, stream: ByteReceiveStream, limit: int = LINE_MAX) -> None:
        """Take the stream, and the longest line in bytes."""
        self._stream = stream
        self._limit = limit
        self._rest = b""
        self._ended = False

    async def next_line(self) -> bytes:
        """Return the next line, without its end.

        Raises:
            EndOfStream: There is none.
            LineTooLongError: It was too long.
        """
        parts: list[bytes] = []
        size = 0
        while True:
            head, end, tail = self._rest.partition(b"\n")
            size += len(head)
            if size <= self._limit:
                parts.append(head)
            else:
                parts.clear()

            self._rest = tail
            if end or (self._ended and size):
                break

            if self._ended:
                raise anyio.EndOfStream

            try:
                self._rest = await self._stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                self._ended = True

        if size > self._limit:
            raise LineTooLongError(f"A message may have {self._limit} bytes, this one had {size}")

        return b"".join(parts)


def parse(line: bytes, *, repair: bool = True) -> JSONRPCMessage:
    """Read one message; halves of characters are replaced, unless that was just done.

    Raises:
        NotAMessageError: It is none. The error carries the answer: parse error for what is no
            JSON, invalid request for JSON that is no message.
    """
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] != "json_invalid":
            answer = reject(INVALID_REQUEST, "Invalid Request", _request_id(line))
            raise NotAMessageError(answer) from None

        repaired = _without_half_characters(line) if repair else None
        if repaired is not None:
            return parse(repaired, repair=False)

        beyond = any(fault in first["msg"] for fault in _BEYOND)
        request_id = _id_at_an_edge(line) if beyond else None
        answer = reject(PARSE_ERROR, f"Parse error: {first['msg']}", request_id)
        raise NotAMessageError(answer) from None

    if isinstance(message, JSONRPCNotification) and _has_id(line):
        # A request whose id is none (null, true, 1.5) must not pass as a notification.
        raise NotAMessageError(
            reject(INVALID_REQUEST, "Invalid Request: an id is a string or an integer")
        )

    return message


def encode(message: JSONRPCMessage) -> bytes:
    """Write one message as a line; one that cannot be written becomes an error."""
    try:
        if isinstance(message, JSONRPCResponse):
            form = message.result.get(STRUCTURED)
            if isinstance(form, Verbatim):
                return spliced(message, form)

        text = message.model_dump_json(by_alias=True, exclude_unset=True)
    except (PydanticSerializationError, JSONEncodeError):
        failed = reject(INTERNAL_ERROR, "The answer is no JSON", getattr(message, "id", None))
        text = failed.model_dump_json(by_alias=True, exclude_unset=True)

    return text.encode() + b"\n"


def reject(code: int, message: str, request_id: RequestId | None = None) -> JSONRPCError:
    """Make an error answer; without an id it is for a request that could not be told."""
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=message))


def _request_id(line: bytes) -> RequestId | None:
    value: Any = from_json(line)
    if not isinstance(value, dict):
        return None

    return as_request_id(cast("dict[str, object]", value).get("id"))


def _id_at_an_edge(line: bytes) -> RequestId | None:
    """Find the id of a request that cannot be parsed, so that its client does not wait for ever.

    It stands before `params` or after them: of a request nothing else is nested.
    """
    found = _ID_AT_THE_TAIL.search(line[-EDGE:]) or _ID_AT_THE_HEAD.match(line[:EDGE])
    if found is None:
        return None

    try:
        request_id: RequestId = json.loads(found[1])
    except ValueError:
        return None

    if isinstance(request_id, str):
        return request_id.encode("utf-8", "replace").decode()

    return request_id


def _has_id(line: bytes) -> bool:
    # Its letters may be written as escapes.
    return (b'"id"' in line or rb"\u" in line) and "id" in from_json(line)


def _without_half_characters(line: bytes) -> bytes | None:
    """Replace escaped halves of surrogate pairs, which clients make by cutting an emoji in two."""
    if rb"\ud" not in line and rb"\uD" not in line:
        return None

    try:
        clean = json.dumps(json.loads(line), ensure_ascii=False).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return None

    return clean
