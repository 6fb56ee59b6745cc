"""What an answer says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .jsonline import parse_object, string
from .limits import ANSWER_CHARACTERS, ANSWER_LINES, PARSE_ERRORS
from .repetition import repeated_tools

if TYPE_CHECKING:
    from .log import Log
    from .query import OutputQuery
    from .reading import Selection
    from .sample import Sample


class ParseError(NamedTuple):
    """A line that is no JSON object; its number counts the lines of the answer from 1."""

    line_number: int
    line_preview: str
    error: str


def describe(
    log: Log,
    query: OutputQuery,
    selection: Selection,
    sample: Sample | None,
    *,
    returned: int,
    parse_errors: list[ParseError],
) -> dict[str, object]:
    """Describe an answer, with the keys that the original server used and in its order.

    Args:
        log: Where the lines come from.
        query: What was asked.
        selection: The lines that were read.
        sample: The lines that were chosen of these; None when all were.
        returned: How many lines the answer has, markers included.
        parse_errors: The lines of the answer that could not be given as objects.
    """
    described: dict[str, object] = {
        "log_source": "jsonl_log",
        "total_lines": selection.lines_read,
        "returned_lines": returned,
        "file_path": str(log.path),
        "file_size_bytes": log.size,
    }
    if log.modified is not None:
        described["file_modified_time"] = log.modified.isoformat()

    described |= _timestamps(selection.lines)
    if selection.matched is not None:
        described |= {"filter_pattern": query.filter, "matched_lines": selection.matched}

    described |= _problems(selection, parse_errors)
    if selection.shortening.cut or query.limits.aggressive:
        described["truncation_stats"] = _truncation_stats(query, selection)

    if sample is not None:
        described["sampling_stats"] = sample.stats

    if query.budget is not None:
        described["max_bytes_limit"] = query.budget

    described["response_format"] = query.response_format
    if query.limits.aggressive:
        described["aggressive_truncate"] = True

    return described


def _problems(selection: Selection, parse_errors: list[ParseError]) -> dict[str, object]:
    """Name what was not searched, not parsed or not given."""
    named: dict[str, object] = {}
    if selection.partly:
        named["partly_searched_lines"] = selection.partly

    if parse_errors:
        named["parse_errors"] = [error._asdict() for error in parse_errors[:PARSE_ERRORS]]

    if len(parse_errors) > PARSE_ERRORS:
        named["parse_errors_total"] = len(parse_errors)

    if selection.omission is not None:
        named["omission"] = {
            **selection.omission.model_dump(),
            "max_characters": ANSWER_CHARACTERS,
            "max_lines": ANSWER_LINES,
        }

    return named


def _timestamps(lines: list[str]) -> dict[str, object]:
    """Give the times that the first and the last line carry, if they do."""
    if not lines:
        return {}

    first = string((parse_object(lines[0]) or {}).get("timestamp"))
    last = string((parse_object(lines[-1]) or {}).get("timestamp"))
    found = {"first_timestamp": first, "last_timestamp": last}
    return {name: text for name, text in found.items() if text}


def _truncation_stats(query: OutputQuery, selection: Selection) -> dict[str, object]:
    limits = query.limits
    done = selection.shortening
    saved = done.before - done.after
    stats: dict[str, object] = {
        "lines_truncated": done.cut,
        "total_lines": done.lines,
        "truncation_ratio": round(done.cut / done.lines, 3) if done.lines else 0.0,
        "bytes_saved": saved,
        "bytes_before": done.before,
        "bytes_after": done.after,
        "space_savings_percent": round(100 * saved / done.before, 1) if done.before else 0.0,
        "max_line_length": limits.line,
        "max_tool_result_content": limits.tool_result,
        "aggressive_mode": limits.aggressive,
    }
    if query.budget is not None:
        tools = repeated_tools(selection.lines)
        stats["content_analysis"] = {"has_repetition": bool(tools), "repetitive_tools": tools}

    return stats
