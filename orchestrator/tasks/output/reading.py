"""Read the lines that were asked for, and no more than one answer may hold."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Literal

from orchestrator.model.base import Noun

from . import scan
from .filtering import find
from .jsonline import dump
from .limits import ANSWER_CHARACTERS, ANSWER_LINES, LINE_HEAD, UNDERSTOOD_LINE
from .truncate import Line, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .log import Log
    from .query import OutputQuery


class Omission(Noun):
    """What was asked for and is not in the answer, because of its bounds.

    Attributes:
        reason: The answer would have become too large (``size``, ``lines``), or reading it would
            have taken too long (``time``).
        omitted_bytes: How many bytes of the log, all before the first line given, were not
            looked at or not given.
    """

    reason: Literal["size", "lines", "time"]
    omitted_bytes: int


@dataclass(frozen=True)
class Shortening:
    """What cutting long lines saved; sizes in bytes, without line ends."""

    lines: int = 0
    cut: int = 0
    before: int = 0
    after: int = 0

    def add(self, line: Line, shown: str) -> Shortening:
        """Count one more line."""
        is_cut = shown != line.text or not line.whole
        after = len(shown.encode()) if is_cut else line.size
        return Shortening(
            self.lines + 1, self.cut + is_cut, self.before + line.size, self.after + after
        )


@dataclass(frozen=True)
class Selection:
    """The lines that were asked for.

    Attributes:
        lines: Within their limits, the oldest first, without marker lines.
        lines_read: How many lines of the log were looked at.
        matched: How many of these matched the filter; None without one.
        partly: How many were too long for all of them to be searched.
        shortening: What cutting long lines saved.
        omission: What is missing; None when nothing is.
    """

    lines: list[str]
    lines_read: int
    matched: int | None
    partly: int
    shortening: Shortening
    omission: Omission | None

    @property
    def with_marker(self) -> list[str]:
        """The lines, after one that says what is missing, if anything is."""
        if self.omission is None:
            return self.lines

        return [marker(self.omission), *self.lines]


def select(log: Log, query: OutputQuery, *, seconds: float) -> Selection:
    """Read the lines that a query asks for: first the filter, then the tail.

    Args:
        log: The log.
        query: What is asked; the formats do not matter here.
        seconds: The time for the search, and then for the reading.

    Raises:
        InvalidInputError: The filter is no regular expression, or takes too long.
    """
    if query.filter is None:
        deadline = monotonic() + seconds
        spans = scan.lines_from_end(log.descriptor, log.size, deadline=deadline)
        return _read(log, query, spans, deadline, None)

    found = find(log, query.filter, wanted=query.wanted, seconds=seconds)
    return _read(log, query, found.spans, monotonic() + seconds, found)


def marker(omission: Omission) -> str:
    """Write the line that says what is missing."""
    why = {
        "size": f"one answer holds at most {ANSWER_CHARACTERS} characters",
        "lines": f"one answer holds at most {ANSWER_LINES} lines",
        "time": "reading more of it took too long",
    }
    message = (
        f"The first {omission.omitted_bytes} bytes of the log are not in this answer: "
        f"{why[omission.reason]}. Ask for less with tail, filter or max_bytes, or read the log file"
    )
    return dump({"type": "truncation_marker", "message": message})


def _read(
    log: Log,
    query: OutputQuery,
    spans: Iterable[tuple[int, int]],
    deadline: float,
    found: scan.Found | None,
) -> Selection:
    """Read lines, the newest first, until there are enough of them or a bound is met."""
    limits = query.limits
    lines: list[str] = []
    shortening = Shortening()
    characters = 0
    reached = log.size
    reason: Literal["size", "lines", "time"] | None = None
    for start, end in spans:
        if monotonic() > deadline:
            reason = "time"
            break

        line = _load(log, start, end)
        shown = shorten(line, limits)
        characters += len(shown) + 1
        if characters > ANSWER_CHARACTERS:
            reason = "size"
            break

        shortening = shortening.add(line, shown)
        lines.append(shown)
        reached = start
        if len(lines) == query.wanted:
            break

        if len(lines) >= ANSWER_LINES and start > 0:
            reason = "lines"
            break

    lines.reverse()
    return Selection(
        lines=lines,
        lines_read=len(lines) if found is None else found.lines,
        matched=None if found is None else len(found.spans),
        partly=0 if found is None else found.partly,
        shortening=shortening,
        omission=_missing(query, len(lines), reached, reason, found),
    )


def _missing(
    query: OutputQuery,
    count: int,
    reached: int,
    reason: Literal["size", "lines", "time"] | None,
    found: scan.Found | None,
) -> Omission | None:
    if reason is not None:
        return Omission(reason=reason, omitted_bytes=reached)

    if count == query.wanted:
        return None

    # The source of lines ended: at the beginning of the log, or because its time was up.
    unseen = reached if found is None else found.reached
    return Omission(reason="time", omitted_bytes=unseen) if unseen else None


def _load(log: Log, start: int, end: int) -> Line:
    size = end - start
    whole = size <= UNDERSTOOD_LINE
    limit = UNDERSTOOD_LINE if whole else LINE_HEAD
    return Line(scan.read_text(log.descriptor, start, end, limit), size, whole)
