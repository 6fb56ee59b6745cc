"""How much of a log is read, kept and given back."""

from __future__ import annotations

from typing import Final

from orchestrator.model.base import Noun

#: Bytes of one line that are read and understood as JSON. Of a longer one only the head is read.
UNDERSTOOD_LINE: Final = 1024 * 1024
#: Bytes of the head of a line that is longer than that.
LINE_HEAD: Final = 64 * 1024

#: One answer holds at most so much, however large the log is.
ANSWER_CHARACTERS: Final = 8 * 1024 * 1024
ANSWER_LINES: Final = 100_000

#: Bytes from the end of the log that a summary looks at.
SUMMARY_BYTES: Final = 32 * 1024 * 1024

#: Characters of a regular expression.
PATTERN_LENGTH: Final = 4096

#: Lines that `metadata.parse_errors` names one by one.
PARSE_ERRORS: Final = 1000


class LineLimits(Noun):
    """How long one line may be, in characters.

    Attributes:
        line: The whole line.
        tool_result: One text of a tool's result.
        text: Any other text, such as what the assistant says.
        aggressive: Whether these are the short limits.
    """

    line: int
    tool_result: int
    text: int
    aggressive: bool

    @classmethod
    def choose(cls, *, aggressive: bool) -> LineLimits:
        """Give the short limits or the ordinary ones."""
        if aggressive:
            return cls(line=1024, tool_result=512, text=512, aggressive=True)

        return cls(line=8192, tool_result=2048, text=4096, aggressive=False)
