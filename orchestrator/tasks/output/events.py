"""What the events of an agent's log mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .jsonline import is_object, items, mapping, string

if TYPE_CHECKING:
    from collections.abc import Iterator


class ToolCall(NamedTuple):
    """A tool that the agent called, and with what."""

    name: str
    arguments: dict[str, object]


def blocks(event: dict[str, object]) -> Iterator[dict[str, object]]:
    """Give the blocks of a message, such as texts, tool calls and their results."""
    for block in items(mapping(event.get("message")).get("content")):
        if is_object(block):
            yield block


def tool_calls(event: dict[str, object]) -> Iterator[ToolCall]:
    """Give the tools that the agent calls in this event."""
    for block in blocks(event):
        if block.get("type") == "tool_use":
            yield ToolCall(string(block.get("name")), mapping(block.get("input")))


def error_text(event: dict[str, object]) -> str | None:
    """Give the error that an event reports; None when it reports none."""
    kind = string(event.get("type"))
    if kind in {"error", "truncation_error"} or kind.endswith((".failed", "_error")):
        return _first_text(event, "error", "message", "result") or kind

    if event.get("is_error") is True:
        return _first_text(event, "result", "error", "subtype") or kind

    for block in blocks(event):
        if block.get("is_error") is True:
            return _first_text(block, "content", "text") or "a tool's result is an error"

    return None


def _first_text(event: dict[str, object], *names: str) -> str:
    for name in names:
        text = _text(event.get(name))
        if text:
            return text

    return ""


def _text(value: object) -> str:
    if isinstance(value, str):
        return value

    if is_object(value):
        return string(value.get("message")) or string(value.get("text"))

    for item in items(value):
        text = string(mapping(item).get("text"))
        if text:
            return text

    return ""
