"""Find the lines of a log from its end, all of them or those that match a pattern.

Also runs as a program of its own, with the standard library alone: a regular expression that
backtracks for ever cannot be interrupted in a thread, but in the main thread of a process that
can be killed it can.
"""

from __future__ import annotations

import json
import math
import os
import re
import resource
import signal
import sys
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Bytes read at once, unless told otherwise.
BLOCK: Final = 256 * 1024
#: Bytes of one line that a pattern gets to see.
SEARCHED_LINE: Final = 64 * 1024 * 1024
#: The exit status that says that a pattern needed more memory than it may have.
MEMORY_EXIT: Final = 3


class Found(NamedTuple):
    """The lines that matched.

    Attributes:
        spans: First and last-plus-one byte of each line, the newest line first.
        lines: How many lines were searched.
        partly: How many of these were longer than a pattern gets to see.
        reached: The first byte that was searched; 0 when nothing before it is left.
        timed_out: Whether the search ended because its time was up.
    """

    spans: list[tuple[int, int]]
    lines: int
    partly: int
    reached: int
    timed_out: bool


def lines_from_end(
    descriptor: int, size: int, *, deadline: float = math.inf, block: int = BLOCK
) -> Iterator[tuple[int, int]]:
    """Give the first and last-plus-one byte of each line, the newest line first.

    Never holds more than one block, however long a line is. Ends early, at a line's start, when
    the deadline passes or the file became shorter.

    Args:
        descriptor: The file, which may grow meanwhile.
        size: Its size in bytes, beyond which nothing is read.
        deadline: In seconds of `time.monotonic`.
        block: Bytes read at once.
    """
    if size <= 0:
        return

    end = size - 1 if os.pread(descriptor, 1, size - 1) == b"\n" else size
    position = end
    while position > 0:
        start = max(0, position - block)
        data = os.pread(descriptor, position - start, start)
        if len(data) < position - start or monotonic() > deadline:
            return

        newline = data.rfind(b"\n")
        while newline >= 0:
            yield start + newline + 1, end
            end = start + newline
            newline = data.rfind(b"\n", 0, newline)

        position = start

    yield 0, end


def read_text(descriptor: int, start: int, end: int, limit: int) -> str:
    """Read a line, or its first `limit` bytes; bytes that are not UTF-8 are replaced."""
    data = os.pread(descriptor, min(end - start, limit), start)
    if len(data) == end - start:
        data = data.removesuffix(b"\r")

    return data.decode("utf-8", "replace")


def search(
    descriptor: int,
    size: int,
    pattern: re.Pattern[str],
    *,
    keep: int,
    deadline: float = math.inf,
) -> Found:
    """Search from the end until `keep` lines match, the log is done or the time is up.

    Args:
        descriptor: The file.
        size: Its size in bytes.
        pattern: What to search for.
        keep: The number of matching lines after which to end.
        deadline: In seconds of `time.monotonic`. A single line is not interrupted by it, but by
            any `TimeoutError` that a signal handler raises.
    """
    spans: list[tuple[int, int]] = []
    lines = partly = 0
    reached = size
    try:
        for start, end in lines_from_end(descriptor, size, deadline=deadline):
            if monotonic() > deadline:
                break

            matched = pattern.search(read_text(descriptor, start, end, SEARCHED_LINE))
            reached = start
            lines += 1
            partly += end - start > SEARCHED_LINE
            if matched is not None:
                spans.append((start, end))

            if len(spans) >= keep:
                return Found(spans, lines, partly, reached, timed_out=False)

    except TimeoutError:
        return Found(spans, lines, partly, reached, timed_out=True)

    return Found(spans, lines, partly, reached, timed_out=reached > 0)


def _time_is_up(_number: int, _frame: object) -> NoReturn:
    raise TimeoutError


def _limit(resource_kind: int, amount: int) -> None:
    _, ceiling = resource.getrlimit(resource_kind)
    if ceiling != resource.RLIM_INFINITY and ceiling <= amount:
        return

    # macOS refuses some limits; the timer and whoever waits still end the search there.
    with suppress(OSError, ValueError):
        # A process that uses the time of the upper limit gets SIGKILL, which tells nobody why.
        resource.setrlimit(resource_kind, (amount, amount + 1))


def main() -> None:
    """Read a job from standard input, search, and write what was found; both are JSON."""
    job = json.load(sys.stdin)
    size = int(job["size"])
    seconds = float(job["seconds"])
    # Whoever asked may be gone before the answer: the kernel ends a search that nobody waits for.
    _limit(resource.RLIMIT_CPU, math.ceil(seconds) + 2)
    _limit(resource.RLIMIT_AS, int(job["memory"]))
    signal.signal(signal.SIGALRM, _time_is_up)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        pattern = re.compile(job["pattern"])
        found = search(job["descriptor"], size, pattern, keep=job["keep"])
        signal.setitimer(signal.ITIMER_REAL, 0)
    except TimeoutError:
        found = Found([], 0, 0, size, timed_out=True)
    except MemoryError:
        sys.exit(MEMORY_EXIT)

    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
