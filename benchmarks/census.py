"""Processes seen from outside: who is there, when each ends, and ending those who stayed."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import TYPE_CHECKING, Final

import psutil

from .pidfds import Pidfds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: Seconds that a process may take to vanish after SIGKILL.
KILL_LIMIT: Final = 10.0

#: Seconds between two looks at what no descriptor tells.
LOOK: Final = 0.01


class Watch(Pidfds):
    """Holds a pidfd for each process, and is told by the kernel when each has ended.

    Use it as a context manager. The times are those of ``time.perf_counter``.

    Attributes:
        ended: When each process ended that has, by pid.
    """

    def __init__(self, pids: Iterable[int] = ()) -> None:
        """Watch these; more can be added."""
        super().__init__()
        self.ended: dict[int, float] = {}
        self._waiting: set[int] = set()
        for pid in pids:
            self.add(pid)

    @property
    def left(self) -> list[int]:
        """The pids of those who have not ended."""
        return [pid for pid in self._pids.values() if pid not in self.ended]

    def add(self, pid: int) -> None:
        """Watch one more; one that is gone already has ended now."""
        descriptor = self._hold(pid, select.EPOLLIN)
        if descriptor is None:
            self.ended[pid] = time.perf_counter()
        else:
            self._waiting.add(descriptor)

    def wait(self, *, quiet: float) -> bool:
        """Wait until all have ended, or nobody has for a while.

        Args:
            quiet: Seconds without an end after which those who are left count as left.

        Returns:
            Whether all have ended.
        """
        while self._waiting:
            ready = self._poll.poll(quiet)
            now = time.perf_counter()
            for descriptor, _ in ready:
                self._poll.unregister(descriptor)
                self._waiting.discard(descriptor)
                self.ended[self._pids[descriptor]] = now

            if not ready:
                return False

        return True


def descendants() -> list[psutil.Process]:
    """Every live process that descends from this one; orphans too, since it is their subreaper."""
    return [one for one in psutil.Process().children(recursive=True) if not is_zombie(one)]


def tree(pid: int) -> list[int]:
    """The pids of a process and of everyone live below it."""
    try:
        below = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []

    return [pid, *(one.pid for one in below)]


def is_zombie(process: psutil.Process) -> bool:
    """Whether it has ended and was only not reaped, or is gone."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def describe(process: psutil.Process) -> str:
    """Name a process in words, e.g. ``4711 sleep``."""
    try:
        return f"{process.pid} {process.name()}"
    except psutil.NoSuchProcess:
        return f"{process.pid} (gone)"


def leads_session(process: psutil.Process) -> bool:
    """Whether it stands in a session of its own."""
    try:
        return os.getsid(process.pid) == process.pid
    except ProcessLookupError:
        return False


def end(processes: Iterable[psutil.Process]) -> None:
    """End exactly these with SIGKILL, whoever they have become parents of, and wait for it."""
    ended = list(processes)
    for process in ended:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue

    psutil.wait_procs(ended, timeout=KILL_LIMIT)


def pause(seconds: float) -> None:
    """Let time pass; for what is measured over time, and for looking again."""
    select.select([], [], [], seconds)


def wait_until(look: Callable[[], bool], *, within: float) -> bool:
    """Look until it is so, for so many seconds at most; returns whether it is."""
    limit = time.monotonic() + within
    while not (seen := look()) and time.monotonic() < limit:
        pause(LOOK)

    return seen
