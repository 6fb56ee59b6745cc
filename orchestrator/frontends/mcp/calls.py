"""A call of a tool, from raw arguments to the result on the wire."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

import orjson
from mcp_types import CallToolResult, TextContent
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json

from orchestrator.errors import OrchestratorError
from orchestrator.model import Limits

from .tools import TOOLS
from .verbatim import check_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from pydantic_core import ErrorDetails

    from orchestrator.tasks.caller import Caller

    from .ports import TaskTools
    from .tools import ToolCall

logger = logging.getLogger(__name__)

#: More complaints than this about one call help nobody.
COMPLAINTS_MAX: Final = 20

#: Characters of a wrong value, and of an unexpected error, that are shown.
SHOWN_MAX: Final = 80
ERROR_MAX: Final = 1_000

# A quarter of the time of pydantic's own writer, for values that all writers write alike.
_PLAIN: Final = (
    orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)

BY_NAME: Final[Mapping[str, type[ToolCall]]] = {call.tool: call for call in TOOLS}


def is_reading(name: str) -> bool:
    """Whether a tool only reads; what it answers may be of any length."""
    kind = BY_NAME.get(name)
    return kind is not None and kind.hints.read_only_hint is True


async def call_tool(
    name: str, arguments: Mapping[str, Any] | None, tasks: TaskTools, caller: Caller
) -> CallToolResult:
    """Validate, run, and put the answer into the form that the contract asks for.

    Only cancellation leaves this function as an exception.
    """
    kind = BY_NAME.get(name)
    if kind is None:
        return failure(f"Unknown tool: {shorten(name, SHOWN_MAX)!r}")

    try:
        call = kind.model_validate(dict(arguments or {}))
    except ValidationError as error:
        return failure(complaint(kind, error))
    except Exception as error:  # noqa: BLE001  a validator of ours may fail at what it is to check
        return unexpected(name, error)

    try:
        body = await answer(call.run(tasks, caller))
        text = to_text(body)
        check_json(text)
        # an empty object keeps the place of the structured form, which is this text: see `fill_in`
        return CallToolResult(
            content=[TextContent(text=text)], structured_content={}, is_error=False
        )
    except Exception as error:  # noqa: BLE001  it is said, and logged
        return unexpected(name, error)


async def answer(work: Awaitable[Mapping[str, object]]) -> Mapping[str, object]:
    """Wait for the answer; an error of the domain becomes one. The only such translation."""
    try:
        return await work
    except OrchestratorError as error:
        return {"success": False, "error": str(error), **error.details}


def to_text(body: Mapping[str, object], *, indented: bool = False) -> str:
    """Write an answer as JSON text; what UTF-8 cannot hold is replaced."""
    try:
        return orjson.dumps(body, option=_PLAIN | (orjson.OPT_INDENT_2 if indented else 0)).decode()
    except orjson.JSONEncodeError:
        return _to_text(body, indent=2 if indented else None)


def _to_text(body: Mapping[str, object], *, indent: int | None) -> str:
    """Write what orjson does not: large integers, moments, keys that are no text."""
    try:
        return to_json(body, indent=indent, inf_nan_mode="null").decode()
    except PydanticSerializationError:
        # A file name or a log may carry half a surrogate pair, which only json lets pass.
        text = json.dumps(body, indent=indent, ensure_ascii=False, default=str)
        clean = from_json(text.encode("utf-8", "replace"))
        return to_json(clean, indent=indent, inf_nan_mode="null").decode()


def failure(text: str) -> CallToolResult:
    """Make an MCP error: one text, and nothing structured."""
    return CallToolResult(content=[TextContent(text=text)], is_error=True)


def unexpected(name: str, error: Exception) -> CallToolResult:
    """Make an MCP error of what nobody expected, and log it; called where it is caught."""
    logger.error("Tool %s failed", name, exc_info=error)
    return failure(f"Error calling tool '{name}': {one_line(error)}")


def complaint(kind: type[ToolCall], error: ValidationError) -> str:
    """Say for each wrong argument what is wrong with it."""
    details = error.errors(include_url=False, include_context=False)
    plural = "" if len(details) == 1 else "s"
    lines = [f"{len(details)} validation error{plural} for call[{kind.tool}]"]
    lines += [_line(kind, detail) for detail in details[:COMPLAINTS_MAX]]
    if len(details) > COMPLAINTS_MAX:
        lines.append(f"... and {len(details) - COMPLAINTS_MAX} more")

    return "\n".join(lines)


def _line(kind: type[ToolCall], detail: ErrorDetails) -> str:
    where = shorten(".".join(str(part) for part in detail["loc"]), SHOWN_MAX)
    match detail["type"]:
        case "missing":
            return f"{where}: required, but missing"
        case "extra_forbidden":
            known = kind.model_fields if len(detail["loc"]) == 1 else Limits.model_fields
            return f"{where}: unknown argument; known are {', '.join(known)}"
        case _:
            value: object = detail["input"]
            what = detail["msg"].removeprefix("Value error, ")
            shown = shorten(repr(value), SHOWN_MAX)
            return f"{where}: {what} (got {type(value).__name__}: {shown})"


def one_line(error: BaseException) -> str:
    """Say an unexpected error in one line, without a traceback."""
    text = " ".join(str(error).split()) or type(error).__name__
    return shorten(text, ERROR_MAX)


def shorten(text: str, limit: int) -> str:
    """Cut a text to so many characters, visibly."""
    return text if len(text) <= limit else f"{text[:limit]}..."
