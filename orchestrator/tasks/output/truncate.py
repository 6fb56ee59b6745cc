"""Make a line as short as it has to be, and keep it readable for a program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from .jsonline import dump, is_array, is_object, mapping, parse, string

if TYPE_CHECKING:
    from .limits import LineLimits

_TYPE = re.compile(r'\s*\{\s*"type"\s*:\s*"([^"\\]{1,64})"')

#: What the original server wrote into a text that it had cut.
CUT = "blind_string_fallback"

#: When a line is still too long, its texts are cut to this part of their limits.
_PARTS = (1, 4)


class Line(NamedTuple):
    """A line of the log.

    Attributes:
        text: The line, or its head when it is too long to be understood.
        size: Its true size in bytes.
        whole: Whether `text` is all of it.
    """

    text: str
    size: int
    whole: bool


def shorten(line: Line, limits: LineLimits) -> str:
    """Give a line within its limits.

    JSON stays JSON: long texts in it are cut, head and tail kept; if that is not enough, an
    object of the type ``truncation_error`` stands for the line and tells its true size. A line
    that is not JSON is cut.
    """
    if line.whole and len(line.text) <= limits.line:
        return line.text

    if not line.whole:
        looks_like_json = line.text.lstrip().startswith("{")
        return _stand_in(line, {}, limits) if looks_like_json else _cut_plain(line, limits)

    try:
        value = parse(line.text)
    except ValueError:
        return _cut_plain(line, limits)

    return _shorten_value(value, limits) or _stand_in(line, mapping(value), limits)


def cut_text(text: str, limit: int) -> str:
    """Keep the beginning and the end of a text, whole lines where it has any.

    Args:
        text: The text.
        limit: Characters of the result, the mark in its middle included.
    """
    if len(text) <= limit:
        return text

    room = max(0, limit - len(_mark(len(text))))
    head = text[: room * 2 // 3]
    tail = text[len(text) - (room - len(head)) :]
    head_break = head.rfind("\n")
    if head_break > len(head) // 2:
        head = head[:head_break]

    tail_break = tail.find("\n")
    if 0 <= tail_break < len(tail) // 2:
        tail = tail[tail_break + 1 :]

    return head + _mark(len(text) - len(head) - len(tail)) + tail


def _mark(left_out: int) -> str:
    return f"\n[{left_out} characters left out]\n"


def _shorten_value(value: object, limits: LineLimits) -> str:
    """Give the line with its texts cut; empty when that does not make it short enough."""
    if not is_object(value):
        return ""

    for part in _PARTS:
        try:
            short = dump(_cut_texts(value, limits.text // part, limits.tool_result // part))
        except (ValueError, RecursionError):
            return ""

        if len(short) <= limits.line:
            return short

    return ""


def _cut_texts(value: object, limit: int, tool_limit: int) -> object:
    if is_array(value):
        return [_cut_texts(item, limit, tool_limit) for item in value]

    if not is_object(value):
        return value

    if value.get("type") == "tool_result":
        limit = tool_limit

    result: dict[str, object] = {}
    longest = 0
    for key, inner in value.items():
        # The second copy of a tool's result that the CLI writes for programs.
        inner_limit = tool_limit if key == "tool_use_result" else limit
        if isinstance(inner, str) and len(inner) > inner_limit:
            longest = max(longest, len(inner))
            result[key] = cut_text(inner, inner_limit)
        else:
            result[key] = _cut_texts(inner, inner_limit, tool_limit)

    if longest:
        result |= {"truncated": True, "truncation_type": CUT, "original_length": longest}

    return result


def _stand_in(line: Line, event: dict[str, object], limits: LineLimits) -> str:
    named = _TYPE.match(line.text)
    kind = string(event.get("type")) or (named[1] if named else "unknown")
    stand_in: dict[str, object] = {
        "type": "truncation_error",
        "original_type": _plain(kind, 64),
        "original_size": line.size,
        "max_allowed": limits.line,
        "message": "The line is too long to be shown; the log file holds it in full",
        "preview": _plain(line.text, 200),
    }
    timestamp = string(event.get("timestamp"))
    if timestamp:
        stand_in["timestamp"] = _plain(timestamp, 40)

    return dump(stand_in)


def _plain(text: str, limit: int) -> str:
    """Keep what needs no long escape, so that the stand-in itself is short."""
    return "".join(sign if sign.isprintable() else " " for sign in text[:limit])


def _cut_plain(line: Line, limits: LineLimits) -> str:
    mark = f" [cut: the line has {line.size} bytes]"
    return line.text[: limits.line - len(mark)] + mark
