"""Notice an agent that does the same thing again and again."""

from __future__ import annotations

from typing import Final

from .events import ToolCall, tool_calls
from .jsonline import parse_object

#: So many equal calls one after another are called repetition.
REPEATED: Final = 3


def repeated_tools(lines: list[str]) -> list[str]:
    """Name the tools that were called with equal arguments at least three times in a row."""
    named: set[str] = set()
    last: ToolCall | None = None
    times = 0
    for line in lines:
        event = parse_object(line) if "tool_use" in line else None
        if event is None:
            continue

        for call in tool_calls(event):
            times = times + 1 if call == last else 1
            last = call
            if times >= REPEATED:
                named.add(call.name)

    return sorted(named)
