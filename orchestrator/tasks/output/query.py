"""What is asked of an agent's output."""

from __future__ import annotations

import re
from typing import Final

from orchestrator.errors import InvalidInputError
from orchestrator.model.base import Noun

from .limits import PATTERN_LENGTH, LineLimits

FORMATS: Final = ("text", "jsonl", "parsed")
RESPONSE_FORMATS: Final = ("full", "summary", "compact")


class OutputQuery(Noun):
    """Which lines of the log, and in which form; the defaults are the tool's.

    Attributes:
        tail: The number of last lines, counted after `filter`; None, 0 or less for all.
        filter: A Python regular expression, searched for in each line; None for all lines.
        format: ``text`` and ``jsonl`` give one string, ``parsed`` gives objects.
        include_metadata: Whether the answer says where it comes from and what was left out.
        max_bytes: Characters above which the lines are sampled; None, 0 or less for no sampling.
        aggressive_truncate: Whether lines are cut to 1024 characters in place of 8192.
        response_format: ``full``, ``compact`` (as `aggressive_truncate`) or ``summary``.
    """

    tail: int | None = None
    filter: str | None = None
    format: str = "text"
    include_metadata: bool = False
    max_bytes: int | None = None
    aggressive_truncate: bool = False
    response_format: str = "full"

    @property
    def wanted(self) -> int | None:
        """The number of lines that were asked for; None for all."""
        return self.tail if self.tail is not None and self.tail > 0 else None

    @property
    def budget(self) -> int | None:
        """Characters above which the lines are sampled; None for no sampling."""
        return self.max_bytes if self.max_bytes is not None and self.max_bytes > 0 else None

    @property
    def limits(self) -> LineLimits:
        """How long one line may be."""
        short = self.aggressive_truncate or self.response_format == "compact"
        return LineLimits.choose(aggressive=short)


def check(query: OutputQuery) -> None:
    """Refuse what cannot be answered.

    Raises:
        InvalidInputError: A format is unknown, or the filter is no regular expression; the
            latter with ``error_type="invalid_regex"`` in its details.
    """
    if query.format not in FORMATS:
        raise InvalidInputError(
            f"Invalid format '{query.format}'. Must be 'text', 'jsonl', or 'parsed'"
        )

    if query.response_format not in RESPONSE_FORMATS:
        raise InvalidInputError(
            f"Invalid response_format '{query.response_format}'. "
            "Must be 'full', 'summary', or 'compact'"
        )

    if query.filter is not None:
        compile_filter(query.filter)


def compile_filter(text: str) -> re.Pattern[str]:
    """Compile a filter.

    Raises:
        InvalidInputError: It is no regular expression, with ``error_type="invalid_regex"``.
    """
    if len(text) > PATTERN_LENGTH:
        problem = f"it has {len(text)} characters; at most {PATTERN_LENGTH} are taken"
        raise InvalidInputError(f"Invalid regex pattern: {problem}", error_type="invalid_regex")

    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidInputError(
            f"Invalid regex pattern: {error}", error_type="invalid_regex"
        ) from None
