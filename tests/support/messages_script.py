"""What a scripted model answers: conversations as lists of turns, without any network.

A conversation is known by a marker such as ``[[script NAME]]`` in its first user message; where
it stands is known by the answers that are in it already, so nothing is remembered between
requests and any number of agents may talk at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

MARKER: Final = re.compile(r"\[\[script ([\w.-]+)\]\]")

#: What a conversation hears that has come past the end of its script.
OVER: Final = "The script is over."
#: How often a conversation may wait for a tool before the script is called wrong.
WAITS_MAX: Final = 5

_HELPER_ID: Final = "toolu_helper_"
_WAIT_TOOL: Final = "WaitForMcpServers"
_SEARCH_TOOL: Final = "ToolSearch"


class ScriptError(AssertionError):
    """A script that cannot go on: what it wants is not there."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call of a tool, by the name under which the CLI offers it."""

    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer at all, until the API is closed: a model that thinks for ever."""


Block: TypeAlias = Text | ToolUse | Silence


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered.

    Attributes:
        id: Of the call.
        text: All of its text.
        is_error: The tool, or the CLI in its place, says that it failed.
    """

    id: str
    text: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class Request:
    """One request for the model's next turn.

    Attributes:
        path: Of the URL, with the query.
        headers: By lower-case name.
        body: The JSON.
    """

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def prompt(self) -> str:
        """The text of the first user message."""
        for message in self._messages:
            if message.get("role") == "user":
                return _text_of(message.get("content"))

        return ""

    @property
    def script(self) -> str | None:
        """The script that the first marker in the prompt names; None for a side request."""
        # Titles and summaries are asked for without tools, and may quote the prompt.
        found = MARKER.search(self.prompt) if self.tools else None
        return None if found is None else found[1]

    @property
    def tools(self) -> frozenset[str]:
        """The names of the tools that are offered."""
        return frozenset(str(tool.get("name")) for tool in _dicts(self.body.get("tools")))

    @property
    def turn(self) -> int:
        """How many turns of the script are in the conversation already."""
        return len(self._answers) - self.waits

    @property
    def waits(self) -> int:
        """How many answers only waited for a tool."""
        return sum(
            any(str(block.get("id")).startswith(_HELPER_ID) for block in _dicts(content))
            for content in self._answers
        )

    @property
    def tool_results(self) -> tuple[ToolResult, ...]:
        """The results of the script's own tool calls, in order."""
        blocks = [
            block
            for message in self._messages
            if message.get("role") == "user"
            for block in _dicts(message.get("content"))
            if block.get("type") == "tool_result"
        ]
        return tuple(
            ToolResult(
                id=str(block.get("tool_use_id")),
                text=_text_of(block.get("content")),
                is_error=bool(block.get("is_error")),
            )
            for block in blocks
            if not str(block.get("tool_use_id")).startswith(_HELPER_ID)
        )

    def find(self, pattern: str) -> str:
        """Give the first group of the first match in the prompt, e.g. of an agent's id.

        Raises:
            ScriptError: There is none.
        """
        return _find(pattern, self.prompt, "the prompt")

    def find_in_result(self, pattern: str) -> str:
        """Give the first group of the first match in the last tool result.

        Raises:
            ScriptError: There is none.
        """
        results = self.tool_results
        if not results:
            raise ScriptError("no tool has answered yet")

        return _find(pattern, results[-1].text, "the last tool result")

    @property
    def _messages(self) -> list[dict[str, Any]]:
        return _dicts(self.body.get("messages"))

    @property
    def _answers(self) -> list[Any]:
        return [
            message.get("content")
            for message in self._messages
            if message.get("role") == "assistant"
        ]


#: What is said at one point of a conversation; a function makes it of the request, and may be
#: asked more than once for the same turn.
Turn: TypeAlias = Sequence[Block] | Callable[[Request], Sequence[Block]]
Scripts: TypeAlias = Mapping[str, Sequence[Turn]]


def answer(scripts: Scripts, request: Request) -> tuple[Block, ...]:
    """Say what the model answers.

    A tool of an MCP server that the CLI has not connected yet is waited for by the tools that
    the CLI offers for that, before the turn that calls it.

    Raises:
        ScriptError: The prompt names a script that there is not, or a tool is wanted that is not
            offered and does not come.
    """
    name = request.script
    if name is None:
        return (Text("ok"),)

    if name not in scripts:
        raise ScriptError(f"no script {name!r}; there are {sorted(scripts)}")

    turns = scripts[name]
    if request.turn >= len(turns):
        return (Text(OVER),)

    turn = turns[request.turn]
    blocks = tuple(turn(request) if callable(turn) else turn)
    missing = sorted({block.name for block in blocks if isinstance(block, ToolUse)} - request.tools)
    return _wait_for(missing, request) if missing else blocks


def tool_use_id(block: ToolUse, unique: str) -> str:
    """Make the id of a call; those that only wait are told apart by it."""
    helper = block.name in {_WAIT_TOOL, _SEARCH_TOOL}
    return f"{_HELPER_ID if helper else 'toolu_'}{unique}"


def _wait_for(missing: Sequence[str], request: Request) -> tuple[Block, ...]:
    if request.waits < WAITS_MAX:
        if _WAIT_TOOL in request.tools:
            return (ToolUse(_WAIT_TOOL, {}),)

        if _SEARCH_TOOL in request.tools:
            query = f"select:{','.join(missing)}"
            return (ToolUse(_SEARCH_TOOL, {"query": query, "max_results": len(missing)}),)

    raise ScriptError(
        f"script {request.script!r} wants {list(missing)} at turn {request.turn}, which the CLI "
        f"does not offer after {request.waits} waits; it offers {sorted(request.tools)}"
    )


def _find(pattern: str, text: str, where: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise ScriptError(f"{pattern!r} is not in {where}: {text[:2_000]!r}")

    return found[1]


def _dicts(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []

    items = cast("list[object]", value)
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]


def _text_of(content: object) -> str:
    """Join the text of a message's or a tool result's content, which may be a plain string."""
    if isinstance(content, str):
        return content

    return "\n".join(str(block["text"]) for block in _dicts(content) if "text" in block)
