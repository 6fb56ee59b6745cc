"""Which tool calls the claude CLI is waiting for, read from its output while it runs."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from orchestrator.model.activity import WHAT_MAX, OpenToolCall, one_line

from .json_lines import lines_from_end, open_output, parse_line

if TYPE_CHECKING:
    from pathlib import Path

#: Bytes of the end that are read: more each time, until the beginning of the CLI's present turn is
#: among them.
TAIL_SIZES: Final = (1 << 14, 1 << 18, 1 << 20, 8 << 20)
#: With so many, whatever could be read has to do.
_ENOUGH: Final = 1 << 20
#: Calls that are told, the newest ones.
CALLS_MAX: Final = 20
#: Characters of a tool's name and of a call's id.
NAME_MAX: Final = 80
ID_MAX: Final = 128
#: What a call is about stands in the first of these that its input has.
_SUBJECTS: Final = (
    "command",
    "file_path",
    "notebook_path",
    "pattern",
    "url",
    "query",
    "description",
    "prompt",
    "skill",
)
#: The tool whose work is a conversation of its own, printed among the others.
_AGENT: Final = "Agent"


def read_open_calls(stdout: Path) -> tuple[OpenToolCall, ...]:
    """Read the tool calls that have no answer yet, the oldest first; sub-agents' calls as well.

    A call counts when its conversation has not gone on without its answer. One that is further
    from the end than 8 MiB is not seen, nor one before a line that is longer than that; a call of
    a sub-agent tool is known by what the sub-agent prints as well. Never raises for what the file
    holds: lines that are no JSON, cut short or not UTF-8 are passed over.
    """
    try:
        with open_output(stdout) as file:
            found = os.fstat(file.fileno())
            written = datetime.fromtimestamp(found.st_mtime, UTC)
            reading = _Reading(written)
            for tail in TAIL_SIZES:
                start = max(0, found.st_size - tail)
                file.seek(start)
                reading = _Reading(written)
                reading.take(file.read(found.st_size - start), whole=start == 0)
                if start == 0 or reading.settled or (tail >= _ENOUGH and reading.something):
                    break

    except OSError:
        return ()

    return reading.calls()


class _Reading:
    """What is known after some lines, read from the end towards the beginning.

    Attributes:
        settled: The present turn of the main conversation began in what was read.
        something: A line was understood.
    """

    def __init__(self, written: datetime) -> None:
        self.settled = False
        self.something = False
        self._open: dict[str, OpenToolCall] = {}
        self._answered: set[str] = set()
        #: The newest turn of each conversation, by the call that it works for; None is the main.
        self._turns: dict[str | None, str | None] = {}
        #: Calls that a sub-agent works for, as far as its own lines say what they are.
        self._worked_for: dict[str, OpenToolCall] = {}
        #: The first moment that is known after the line at hand.
        self._later = written

    def take(self, data: bytes, *, whole: bool) -> None:
        for line in lines_from_end(data, whole=whole):
            event = parse_line(line)
            if not event:
                continue

            self.something = True
            match event.get("type"):
                case "assistant":
                    self._take_turn(event)
                case "user":
                    self._take_answers(event)
                case "system" if event.get("subtype") == "task_notification":
                    self._answer(event.get("tool_use_id"))
                case "result":
                    # The run is over, and with it whatever was open.
                    self.settled = True
                    return
                case _:
                    pass

            self._note_time(event)

    def calls(self) -> tuple[OpenToolCall, ...]:
        known = self._open | {
            name: call
            for name, call in self._worked_for.items()
            if name not in self._answered and name not in self._open
        }
        return tuple(reversed([*known.values()][:CALLS_MAX]))

    def _take_turn(self, event: dict[str, Any]) -> None:
        message = _dict(event.get("message"))
        parent = self._conversation(event)
        turn = _id(message.get("id"))
        if self._turns.setdefault(parent, turn) != turn:
            # Answered, or given up: its conversation has gone on.
            self.settled |= parent is None
            return

        if parent is not None and parent in self._answered:
            return

        for block in reversed(_dicts(message.get("content"))):
            call = self._call(block)
            if call is not None and call.id not in self._answered:
                self._open.setdefault(call.id, call)

    def _take_answers(self, event: dict[str, Any]) -> None:
        self._conversation(event)
        for block in _dicts(_dict(event.get("message")).get("content")):
            if block.get("type") == "tool_result":
                self._answer(block.get("tool_use_id"))

    def _conversation(self, event: dict[str, Any]) -> str | None:
        """Return the call that a line's conversation works for; None for the main one."""
        parent = _id(event.get("parent_tool_use_id"))
        if parent is not None and parent not in self._answered:
            what = event.get("task_description")
            self._worked_for[parent] = OpenToolCall(
                id=parent,
                name=_AGENT,
                what=one_line(what, WHAT_MAX) if isinstance(what, str) else "",
                since=self._later,
            )

        return parent

    def _answer(self, call: object) -> None:
        name = _id(call)
        if name is not None:
            self._answered.add(name)

    def _call(self, block: dict[str, Any]) -> OpenToolCall | None:
        call = _id(block.get("id"))
        name = block.get("name")
        if block.get("type") != "tool_use" or call is None or not isinstance(name, str):
            return None

        return OpenToolCall(
            id=call,
            name=one_line(name, NAME_MAX),
            what=_subject(block.get("input")),
            since=self._later,
        )

    def _note_time(self, event: dict[str, Any]) -> None:
        said = event.get("timestamp")
        if not isinstance(said, str):
            return

        try:
            # A time without a zone is the local one.
            moment = datetime.fromisoformat(said).astimezone(UTC)
        except (ValueError, OverflowError):
            return

        # What is said later in the file was not said earlier.
        self._later = min(self._later, moment)


def _subject(given: object) -> str:
    """Say in one line what a tool is to do."""
    values = _dict(given)
    for key in _SUBJECTS:
        text = values.get(key)
        if isinstance(text, str) and text.strip():
            return one_line(text, WHAT_MAX)

    return one_line(json.dumps(values, ensure_ascii=False), WHAT_MAX) if values else ""


def _id(value: object) -> str | None:
    return one_line(value, ID_MAX) if isinstance(value, str) and value else None


def _dict(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _dicts(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []

    items = cast("list[object]", value)
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]
