"""The part of the tool's answer that comes from the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .jsonline import is_object, parse
from .log import opened
from .metadata import ParseError, describe
from .query import check
from .reading import select
from .sample import sample
from .summary import summarize

if TYPE_CHECKING:
    from pathlib import Path

    from .log import Log
    from .query import OutputQuery

SOURCE: Final = "jsonl_log"

#: Characters of a bad line that its error shows.
_PREVIEW: Final = 100


def read_output(log: Path, query: OutputQuery, *, deadline_s: float = 5.0) -> dict[str, object]:
    """Read what was asked for; the filter comes first, then the tail.

    Blocks, so it is called in a worker thread. It needs at most twice `deadline_s` and 10 seconds,
    and a bounded amount of memory, however large the log, its lines or the pattern are. What does
    not fit is named in a ``truncation_marker`` line and in the metadata.

    Args:
        log: The log file. One that is not there is an empty one.
        query: What is asked.
        deadline_s: Seconds for the search, and again for the reading.

    Returns:
        ``output``, ``source``, ``format`` for a summary, and ``metadata`` when asked for.

    Raises:
        InvalidInputError: The query cannot be answered, see `check`, or its filter needs more
            than the time (``error_type="regex_timeout"``) or the memory (``"regex_memory"``).
        NotFoundError: The log is there but cannot be read.
        OrchestratorError: The process that runs the filter could not be run.
    """
    check(query)
    with opened(log) as source:
        if query.response_format == "summary":
            return _summary(source, query, deadline_s)

        return _lines(source, query, deadline_s)


def _lines(log: Log, query: OutputQuery, seconds: float) -> dict[str, object]:
    selection = select(log, query, seconds=seconds)
    lines = selection.with_marker
    chosen = None if query.budget is None else sample(lines, query.budget)
    if chosen is not None:
        lines = chosen.lines

    output: object = "\n".join(lines)
    errors: list[ParseError] = []
    if query.format == "parsed":
        output, errors = _parse(lines)

    answer: dict[str, object] = {"output": output, "source": SOURCE}
    if query.include_metadata:
        answer["metadata"] = describe(
            log, query, selection, chosen, returned=len(lines), parse_errors=errors
        )

    return answer


def _parse(lines: list[str]) -> tuple[list[dict[str, object]], list[ParseError]]:
    """Give the lines as objects, and those that are none; blank lines are neither."""
    objects: list[dict[str, object]] = []
    errors: list[ParseError] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue

        try:
            value = parse(line)
        except ValueError as error:
            errors.append(ParseError(number, line[:_PREVIEW], str(error)))
            continue

        if is_object(value):
            objects.append(value)
        else:
            errors.append(ParseError(number, line[:_PREVIEW], "Not a JSON object"))

    return objects, errors


def _summary(log: Log, query: OutputQuery, seconds: float) -> dict[str, object]:
    summary = summarize(log, seconds=seconds)
    answer: dict[str, object] = {"output": summary.text, "source": SOURCE, "format": "summary"}
    if query.include_metadata:
        metadata: dict[str, object] = {
            "total_lines_analyzed": summary.lines,
            "response_format": "summary",
        }
        if summary.omitted_bytes:
            metadata["omitted_bytes"] = summary.omitted_bytes

        answer["metadata"] = metadata

    return answer
