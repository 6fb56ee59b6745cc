"""Processes that leave: when each has ended, and when it has been reaped, seen from outside."""

from __future__ import annotations

import os
import re
import select
import signal
import time
from typing import TYPE_CHECKING, Final

from .pidfds import Pidfds

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

#: The first kernel that tells the holder of a pidfd when the process is reaped.
TELLS: Final = (6, 9)

#: Seconds between two looks at zombies, where the kernel does not tell.
LOOK: Final = 0.002


class Departures(Pidfds):
    """Holds a pidfd for each process, and is told when it is gone: it has ended, and was reaped.

    Use it as a context manager. The times are those of ``time.perf_counter``.

    Attributes:
        gone: When each process was gone that is, by pid.
    """

    def __init__(
        self, pids: Iterable[int], reap: Callable[[], None], *, tells: bool | None = None
    ) -> None:
        """Watch these.

        Args:
            pids: Who is watched.
            reap: Collects the children of this process that have ended: orphans fall to it.
            tells: Whether the kernel says when somebody is reaped; None to find out.
        """
        super().__init__()
        self.gone: dict[int, float] = {}
        self._reap = reap
        self._tells = _kernel_tells() if tells is None else tells
        self._zombies: set[int] = set()
        for pid in pids:
            # Edges only: one event for the end, and one for the reaping.
            if self._hold(pid, select.EPOLLIN | select.EPOLLET) is None:
                self.gone[pid] = time.perf_counter()

    def wait(
        self, pids: Iterable[int], *, quiet: float, enders: Collection[int] = (), after: float = 0.0
    ) -> set[int]:
        """Wait until all of these are gone, or nothing has happened to anybody for a while.

        Args:
            pids: Some of those that are watched.
            quiet: Seconds without an end after which those who are left count as left.
            enders: Those who may still end somebody, if there are any.
            after: The same seconds, once all of these are gone.

        Returns:
            Who is left; a zombie is.
        """
        waited = set(pids) - self.gone.keys()
        ending = set(enders) - self.gone.keys()
        last = time.perf_counter()
        while waited:
            limit = quiet if ending or not enders else after
            pause = limit if self._tells or not self._zombies else LOOK
            events = self._poll.poll(pause)
            left = self._take(events)
            waited -= left
            ending -= left
            now = time.perf_counter()
            if events or left:
                last = now
            elif now - last >= limit:
                return waited

        return waited

    def _take(self, events: list[tuple[int, int]]) -> set[int]:
        """Note who has ended, reap, and return who has gone."""
        now = time.perf_counter()
        reaped = {descriptor for descriptor, event in events if event & select.EPOLLHUP}
        self._zombies.update(descriptor for descriptor, _ in events)
        self._reap()
        if not self._tells:
            now = time.perf_counter()
            reaped.update(filter(_is_reaped, self._zombies))

        self._zombies -= reaped
        left = {self._pids[descriptor] for descriptor in reaped}
        self.gone.update(dict.fromkeys(left, now))
        return left


def _is_reaped(descriptor: int) -> bool:
    try:
        signal.pidfd_send_signal(descriptor, 0)
    except ProcessLookupError:
        return True

    return False


def _kernel_tells() -> bool:
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return found is not None and (int(found[1]), int(found[2])) >= TELLS
