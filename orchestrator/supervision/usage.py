"""What a tree of processes uses now."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from orchestrator.model.activity import ProcessUse
from orchestrator.process import tree

from .figures import measure_process, waited_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.model import ProcessIdentity
    from orchestrator.process.tree import Proc

#: The letters of /proc/PID/stat, and of ``ps`` where there is no /proc.
_STATES: Final = {
    "R": "running",
    "S": "sleeping",
    "I": "sleeping",
    "D": "disk-sleep",
    "U": "disk-sleep",
    "T": "stopped",
    "t": "traced",
    "Z": "zombie",
}

#: Seconds by which the computed start of one process may differ between two looks: the wall clock
#: is being set all the time.
_SAME_S: Final = 1.0

_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(kw_only=True)
class TreeUse:
    """What all processes below one keeper use.

    Attributes:
        processes: Those that were measured, parents before their children.
        count: How many there are, measured or not.
        complete: All of them were measured.
        cpu_s: CPU seconds of all of them, and of those that have ended and were collected.
        rss_bytes: Resident memory of all of them; what they share is counted for each.
    """

    processes: list[ProcessUse] = field(default_factory=list[ProcessUse])
    count: int = 0
    complete: bool = True
    cpu_s: float = 0.0
    rss_bytes: int = 0


def measure_tree(
    keeper: ProcessIdentity, *, open_files: bool = True, until: float = math.inf
) -> TreeUse | None:
    """Measure everything below a keeper, which is all of its agent and nobody else.

    Processes that end meanwhile are passed over. One is listed only if its pid was still its own
    when all of it had been read, so no stranger that got the number is ever shown.

    Args:
        keeper: The keeper.
        open_files: Count open descriptors as well, which is the most expensive of all.
        until: When to stop measuring, by `time.monotonic`.

    Returns:
        None when the keeper is not there, or there is no time to look.
    """
    if time.monotonic() >= until:
        return None

    # The orphans among those that ended were collected by the keeper: theirs are its children's
    # times. Its own time is not the agent's.
    collected_s = waited_seconds(keeper)
    if collected_s is None:
        return None

    below = tree.descendants(keeper.pid)
    used = TreeUse(count=len(below), cpu_s=collected_s)
    booted = _boot_time()
    for proc in below:
        if time.monotonic() >= until:
            used.complete = False
            break

        _measure(proc, used, booted=booted, open_files=open_files)

    # Had it ended before the walk, its pid might have been a stranger's by then.
    return None if waited_seconds(keeper) is None else used


def _measure(proc: Proc, used: TreeUse, *, booted: float, open_files: bool) -> None:
    try:
        found = measure_process(proc, open_files=open_files)
    except PermissionError:
        used.complete = False
        return

    if found is None:
        used.count -= 1
        return

    since = booted + proc.start / _TICKS if found.created is None else found.created
    used.cpu_s += found.own_s + found.children_s
    used.rss_bytes += found.rss_bytes
    used.processes.append(
        ProcessUse(
            pid=proc.pid,
            name=proc.name,
            state=_STATES.get(proc.state, proc.state),
            cpu_s=round(found.own_s, 3),
            rss_bytes=found.rss_bytes,
            threads=found.threads,
            open_files=found.open_files,
            session=proc.sid,
            since=datetime.fromtimestamp(since, UTC),
        )
    )


def used_since(now: Iterable[ProcessUse], before: Iterable[ProcessUse], at: datetime) -> float:
    """Return CPU seconds that these processes themselves have used since an earlier look.

    What has ended meanwhile is not in it, nor anybody's children: it is the least that was used,
    and stays right when the time of ended processes is lost, as that of children that nobody
    waits for (SIGCHLD ignored).

    Args:
        now: Those that are there now.
        before: Those that were there at the earlier look.
        at: When that was.
    """
    known = {one.pid: one for one in before}
    total = 0.0
    for one in now:
        former = known.get(one.pid)
        if former is not None and abs((one.since - former.since).total_seconds()) <= _SAME_S:
            total += max(0.0, one.cpu_s - former.cpu_s)
        elif one.since > at:
            total += one.cpu_s

    return total


def _boot_time() -> float:
    """Return when the clock that start times are counted by was 0, in Unix time."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.time() - time.clock_gettime(clock)
