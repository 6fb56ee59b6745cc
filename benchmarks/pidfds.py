"""Pidfds: descriptors by which the kernel tells of processes that end."""

from __future__ import annotations

import os
import select

from .closing import Closing


class Pidfds(Closing):
    """Holds a pidfd for each process, and asks the kernel for all of them at once."""

    def __init__(self) -> None:
        """Hold none."""
        self._pids: dict[int, int] = {}
        # Not poll: with a thousand of them, every end would cost a walk over all.
        self._poll = select.epoll()

    def close(self) -> None:
        """Close the descriptors."""
        self._poll.close()
        for descriptor in self._pids:
            os.close(descriptor)

        self._pids.clear()

    def _hold(self, pid: int, events: int) -> int | None:
        """Hold one more, and be told of these events; None when it is gone already."""
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return None

        self._pids[descriptor] = pid
        self._poll.register(descriptor, events)
        return descriptor
