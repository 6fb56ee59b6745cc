"""What an agent is doing at one moment: a verdict, and the evidence for it."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from .base import Noun

#: ``working``: it uses CPU or writes. ``waiting``: for a tool call or a process that is there.
#: ``idle``: nothing of all that; from outside, waiting for its model looks the same as being
#: stuck. ``frozen``: its processes stand still. ``ended``: it has ended. ``unknown``: there is
#: not enough to see. By which rules: see `judge_activity`.
WorkVerdict = Literal["working", "waiting", "idle", "frozen", "ended", "unknown"]

#: Processes that are listed; beyond that the ones that have used the least CPU are left out.
LISTED_MAX: Final = 50

#: Characters of what an open tool call was asked.
WHAT_MAX: Final = 120


class ProcessUse(Noun):
    """What one process of an agent uses.

    Attributes:
        pid: Its process id; checked to be still this process after all of it was read.
        name: The kernel's short name of the program, 15 bytes at most.
        state: ``running``, ``sleeping``, ``disk-sleep`` (in the kernel, not to be interrupted),
            ``stopped``, ``traced``, or ``zombie`` when its main thread has ended and others run.
            It is the main thread's: another one may be running while that sleeps.
        cpu_s: CPU seconds of its own, without those of its children.
        rss_bytes: Resident memory in bytes, shared pages included.
        threads: How many it has.
        open_files: File descriptors that it holds; None where that may not be seen.
        session: The session it is in (``sid``); differs from the agent's pid for an escapee.
        since: When it was started.
    """

    pid: int
    name: str
    state: str
    cpu_s: float
    rss_bytes: int
    threads: int
    open_files: int | None
    session: int
    since: datetime


class OpenToolCall(Noun):
    """A tool that an agent's CLI has called, and that has not answered.

    Attributes:
        id: The CLI's id of the call.
        name: Of the tool.
        what: What it was asked, in one line of at most 120 characters.
        since: The earliest moment at which it is known to have been open: it is open for at least
            so long. None when nothing dates it.
    """

    id: str
    name: str
    what: str
    since: datetime | None = None


class Activity(Noun):
    """What an agent is doing, and how that is known.

    Attributes:
        at: When it was looked at.
        verdict: In one word; see `WorkVerdict`.
        why: The reason for the verdict, in one plain sentence.
        cpu_s: CPU seconds of all of its processes so far, with those that have ended. None where
            nobody could look.
        cpu_share: How many CPUs it used since the former look: 1.0 is all of one CPU, 4 busy
            processes make 4.0. None for a first look.
        rss_bytes: Resident memory of all of its processes, in bytes; pages that they share are
            counted for each. None where nobody could look.
        process_count: How many processes it has. None where nobody could look.
        output_bytes: What it has written to standard output and standard error, in bytes.
        last_output_at: When it last wrote to either, by the time of their files; None when it has
            not written yet.
        quiet_s: Seconds since then; since it was launched when it has not written yet.
        open_tool_calls: Tool calls without an answer, oldest first. Empty where its provider
            cannot read them.
        processes: Its processes, parents before their children; at most 50. Empty where only the
            sums were wanted.
        complete: False when there was no time, or no permission, to measure all of its processes:
            then the sums are of some of them.
    """

    at: datetime
    verdict: WorkVerdict
    why: str
    cpu_s: float | None = None
    cpu_share: float | None = None
    rss_bytes: int | None = None
    process_count: int | None = None
    output_bytes: int = 0
    last_output_at: datetime | None = None
    quiet_s: float
    open_tool_calls: tuple[OpenToolCall, ...] = ()
    processes: tuple[ProcessUse, ...] = ()
    complete: bool = True


def one_line(text: str, at_most: int) -> str:
    """Return text that others chose as one line that is safe to print, cut with three dots."""
    # What follows cannot be within the limit any more, and splitting megabytes takes time.
    joined = " ".join(text[: 8 * at_most].split())
    clean = "".join(sign if sign.isprintable() else "?" for sign in joined)
    return clean if len(clean) <= at_most else clean[: at_most - 3] + "..."
