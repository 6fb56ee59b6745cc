"""A digest of a log: what went wrong, what changed, what was found, which tools were used."""

from __future__ import annotations

from collections import Counter, deque
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from . import scan
from .events import error_text, tool_calls
from .jsonline import parse_object, string
from .limits import LINE_HEAD, SUMMARY_BYTES, UNDERSTOOD_LINE

if TYPE_CHECKING:
    from .log import Log

ERRORS: Final = 5
CHANGES: Final = 5
FINDINGS: Final = 10
#: Different names of tools that are counted one by one, and how many of them are shown.
TOOLS: Final = 1000
TOOLS_SHOWN: Final = 20
#: Characters of a text that are shown, and of it as it stands in the log.
TEXT: Final = 200
TEXT_READ: Final = 800


class Note(NamedTuple):
    """Something said in a line; `from_end` counts lines, 0 for the last one."""

    from_end: int
    text: str


class Summary(NamedTuple):
    """The digest.

    Attributes:
        text: For people and models to read.
        lines: How many lines were looked at.
        omitted_bytes: How many bytes at the log's beginning were not looked at.
    """

    text: str
    lines: int
    omitted_bytes: int


class _Digest:
    """What has been noted so far, from the last line backwards."""

    def __init__(self) -> None:
        self.lines = 0
        self.plain = 0
        self.error_count = 0
        self.finding_count = 0
        # Read backwards, the errors noted last are the first of the log.
        self.errors: deque[Note] = deque(maxlen=ERRORS)
        self.changes: list[Note] = []
        self.findings: list[Note] = []
        self.tools: Counter[str] = Counter()

    def add(self, text: str) -> None:
        """Look at the line before those seen so far."""
        at = self.lines
        self.lines += 1
        event = parse_object(text)
        if event is None:
            self.plain += bool(text.strip())
            return

        error = error_text(event)
        if error is not None:
            self.error_count += 1
            self.errors.append(Note(at, error[:TEXT_READ]))

        change = _status_change(event)
        if change:
            self._change(at, change)

        for call in reversed(list(tool_calls(event))):
            self._count(call.name)
            if call.name.endswith("update_agent_progress"):
                self._change(at, _joined(call.arguments, "status", "progress", "message"))
            elif call.name.endswith("report_agent_finding"):
                self.finding_count += 1
                finding = _joined(call.arguments, "finding_type", "severity", "message")
                if len(self.findings) < FINDINGS:
                    self.findings.append(Note(at, finding[:TEXT_READ]))

    def _change(self, at: int, text: str) -> None:
        if len(self.changes) < CHANGES:
            self.changes.append(Note(at, text[:TEXT_READ]))

    def _count(self, name: str) -> None:
        known = name in self.tools or len(self.tools) < TOOLS
        self.tools[name[:TEXT] if known else "others"] += 1


def summarize(log: Log, *, seconds: float) -> Summary:
    """Digest the log, or its end when it is long.

    Args:
        log: The log.
        seconds: The time for it.
    """
    deadline = monotonic() + seconds
    digest = _Digest()
    reached = log.size
    for start, end in scan.lines_from_end(log.descriptor, log.size, deadline=deadline):
        if log.size - start > SUMMARY_BYTES or monotonic() > deadline:
            break

        limit = UNDERSTOOD_LINE if end - start <= UNDERSTOOD_LINE else LINE_HEAD
        digest.add(scan.read_text(log.descriptor, start, end, limit))
        reached = start

    return Summary(_write(digest, reached, log.size), digest.lines, reached)


def _write(digest: _Digest, omitted: int, size: int) -> str:
    lines = [f"Lines: {digest.lines}, of which {digest.plain} are not JSON events"]
    if omitted:
        lines.append(f"Only the last {size - omitted} of {size} bytes of the log were looked at")

    def section(title: str, notes: list[Note]) -> None:
        lines.append(title)
        lines.extend(
            f"  line {digest.lines - note.from_end}: {_short(note.text)}" for note in notes
        )

    section(f"Errors: {digest.error_count}, first {ERRORS}", list(digest.errors)[::-1])
    section(f"Status changes: last {CHANGES}", digest.changes[::-1])
    section(f"Findings: {digest.finding_count}, last {FINDINGS}", digest.findings[::-1])
    lines.append(f"Tool calls: {digest.tools.total()}")
    lines.extend(f"  {_short(name)}: {n}" for name, n in digest.tools.most_common(TOOLS_SHOWN))
    return "\n".join(lines)


def _status_change(event: dict[str, object]) -> str:
    kind, subtype = string(event.get("type")), string(event.get("subtype"))
    if kind in {"system", "result"} and subtype:
        return f"{kind} {subtype}"

    return string(event.get("status"))


def _joined(arguments: dict[str, object], *names: str) -> str:
    given = (arguments.get(name) for name in names)
    return " ".join(str(value) for value in given if isinstance(value, str | int))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TEXT else line[: TEXT - 3] + "..."
