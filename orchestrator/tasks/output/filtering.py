"""Search a log for a pattern in bounded time and memory, whatever the pattern is."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from orchestrator.errors import InvalidInputError, OrchestratorError

from . import scan
from .limits import ANSWER_LINES
from .query import compile_filter

if TYPE_CHECKING:
    from .log import Log

#: Bytes of a log, and characters of a pattern, that may be searched without a process.
INLINE_LOG: Final = 1024 * 1024
INLINE_PATTERN: Final = 100

#: Bytes of address space of the process: some patterns fill the memory before their time is up.
PROCESS_MEMORY: Final = 1024 * 1024 * 1024

#: Seconds that the process may take for its start and its answer. It ends itself when its time is
#: up; on a busy machine it takes a while to say so, and what it has found is worth waiting for.
PROCESS_GRACE: Final = 10.0

#: A search that got through this much in its time is slow because the log is long. Below, the
#: pattern is to blame.
FAIR_BYTES: Final = 64 * 1024 * 1024
FAIR_LINES: Final = 100_000

_ESCAPED = re.compile(r"\\.", re.DOTALL)


def find(log: Log, text: str, *, wanted: int | None, seconds: float) -> scan.Found:
    """Find the last lines that match.

    A log too long to be searched in the time is searched as far as possible; `Found.reached`
    says how far.

    Args:
        log: The log.
        text: The regular expression.
        wanted: The number of lines; None for as many as one answer holds.
        seconds: The time for the search.

    Raises:
        InvalidInputError: It is no regular expression, or one that needs too much time
            (``error_type="regex_timeout"``) or memory (``"regex_memory"``).
        OrchestratorError: The process that searches could not be run.
    """
    pattern = compile_filter(text)
    keep = min(wanted or ANSWER_LINES, ANSWER_LINES)
    if not log.size or (log.size <= INLINE_LOG and never_backtracks(text)):
        found = scan.search(
            log.descriptor, log.size, pattern, keep=keep, deadline=monotonic() + seconds
        )
    else:
        found = _search_in_a_process(log, text, keep, seconds)

    searched = log.size - found.reached
    if found.timed_out and searched < FAIR_BYTES and found.lines < FAIR_LINES:
        raise _too_slow(seconds, searched, log.size)

    return found


def never_backtracks(text: str) -> bool:
    """Say whether a pattern is so plain that its time grows only with the line.

    Repeats and groups are what makes a search take exponential time, so a pattern with any of
    their characters is not plain, even where these stand in a set and are harmless.
    """
    bare = _ESCAPED.sub("", text)
    return len(text) <= INLINE_PATTERN and not any(sign in bare for sign in "*+?{(")


def _search_in_a_process(log: Log, text: str, keep: int, seconds: float) -> scan.Found:
    job = {
        "descriptor": log.descriptor,
        "size": log.size,
        "pattern": text,
        "keep": keep,
        "seconds": seconds,
        "memory": PROCESS_MEMORY,
    }
    try:
        # Isolated and without site packages: starts in 20 ms, and nothing is imported from the
        # working directory. The log goes as a descriptor: it may be moved meanwhile.
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "ignore", scan.__file__],
            input=json.dumps(job).encode(),
            capture_output=True,
            pass_fds=(log.descriptor,),
            timeout=seconds + PROCESS_GRACE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _too_slow(seconds, 0, log.size) from None
    except OSError as error:
        raise OrchestratorError(
            f"The filter could not be run: {error}; ask again without one"
        ) from error

    if done.returncode == -signal.SIGXCPU:
        # Some patterns are deaf to its own timer: the kernel has ended it.
        raise _too_slow(seconds, 0, log.size)

    if done.returncode == scan.MEMORY_EXIT:
        raise InvalidInputError(
            f"The filter needs more than {PROCESS_MEMORY >> 20} MiB of memory on this log; use a "
            "simpler regular expression",
            error_type="regex_memory",
        )

    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise OrchestratorError(
            f"The filter ended with status {done.returncode} ({said[-1] if said else 'silent'}); "
            "ask again, or without a filter"
        )

    answer: list[Any] = json.loads(done.stdout)
    spans = [(int(start), int(end)) for start, end in answer[0]]
    return scan.Found(spans, *answer[1:])


def _too_slow(seconds: float, searched: int, size: int) -> InvalidInputError:
    return InvalidInputError(
        f"The filter was stopped after {seconds:g} seconds with {searched} of {size} bytes "
        "searched; use a simpler regular expression, without a repeat inside a repeat such as "
        "(a+)+, or a plain word",
        error_type="regex_timeout",
    )
