"""How much of each limit an agent has used, and when to measure it again.

All times are of the monotonic clock, which nobody sets:

``wall_clock``  at its two deadlines, and at no other time
``idle``        every tenth of it; see `IDLE_SHARE` for what counts as no CPU time
``memory``      four times a second, or twice while less than half of it is used: what its control
                group holds, where that is counted. Else the sum over all of its processes of
                resident memory, pages that several share being divided among them (PSS); what is
                swapped out, or lies in unmapped files of a memory file system, is not in it
``output``      twice a second: the sizes of its two output files

Where there is no /proc (macOS), all is read from ``ps``: shared memory counts in full for each
process, memory is measured every two seconds or four, and the CPU time of processes that ended
between two looks counts only if the keeper has reaped them.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod

from . import tree

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from .household import Household
    from .tree import Proc

#: The share of a limit that is used when a warning is given; as `orchestrator.model.WARN_SHARE`.
WARN_SHARE = 0.8

#: The share of one core up to which a tree is idle, between two looks. Measured on a slow machine:
#: an event loop with a timer uses 0.02 %, the claude CLI 0.4 % while its model thinks, 1 to 3 %
#: while a tool sleeps, 4 % while it reads five pieces of an answer a second, 14 % with twenty.
IDLE_SHARE = 0.05

#: Seconds between two looks.
IDLE_SHORTEST = 0.1
IDLE_LONGEST = 5.0
MEMORY_EVERY = 0.25 if tree.HAS_PROC else 2.0
OUTPUT_EVERY = 0.5

#: Seconds after which memory is looked for in new processes. In between only those that are known
#: are read, which takes a fifth of the time when each has a dozen threads.
_WALK_EVERY = 1.0

#: How many times as long as it took a limit is not looked at again: of an agent with thousands of
#: processes, a look takes longer than what there is between two.
_REST = 20

#: Dividing shared memory rests this many times as long as it took, and at most so many seconds,
#: unless the tree has grown: it costs half a percent of a core, and only near the limit.
_DIVIDE_REST = 200
_DIVIDE_LATEST = 10.0


class Gauge(ABC):
    """One limit.

    Attributes:
        limit: Its name.
        allowed: It, in its own unit: seconds or bytes.
        due: When it is to be measured next; the clock's time.
        used: How much of it was used at the last measurement.
    """

    def __init__(self, limit: str, allowed: float, due: float) -> None:
        """Begin with nothing used."""
        self.limit = limit
        self.allowed = allowed
        self.due = due
        self.used = 0.0

    def measure(self, now: float) -> float:
        """Measure what is due; says how much is used, and when it is due again."""
        began = time.process_time()
        self.used = self._measure(now)
        self.due = max(self.due, now + (time.process_time() - began) * _REST)
        return self.used

    @abstractmethod
    def _measure(self, now: float) -> float: ...


class WallClock(Gauge):
    """Seconds from the launch."""

    def __init__(self, allowed: float, now: float) -> None:
        """Begin now."""
        super().__init__("wall_clock", allowed, now + WARN_SHARE * allowed)
        self._start = now
        self._end = now + allowed

    def _measure(self, now: float) -> float:
        self.due = self._end
        # A difference of times may be a hair less than the share whose time has come.
        least = WARN_SHARE * self.allowed if now < self._end else self.allowed
        return max(now - self._start, least)


class Output(Gauge):
    """Bytes of output."""

    def __init__(self, allowed: float, now: float, files: Files) -> None:
        """Begin now."""
        super().__init__("output", allowed, now + OUTPUT_EVERY)
        self._files = files

    def _measure(self, now: float) -> float:
        self.due = now + OUTPUT_EVERY
        return sum(self._files.sizes())


class Idle(Gauge):
    """Seconds without output and without CPU time."""

    def __init__(self, allowed: float, now: float, house: Household, files: Files) -> None:
        """Begin now."""
        self._every = min(max(allowed / 10, IDLE_SHORTEST), IDLE_LONGEST)
        super().__init__("idle", allowed, now + self._every)
        self._house = house
        self._files = files
        self._sizes = files.sizes()
        self._cpu_s: dict[tuple[int, int], float] = {}
        self._reaped_s = 0.0
        self._since = self._looked_at = now

    def leave_out(self, seconds: float) -> None:
        """Let that much time, the last, not count."""
        self._since += seconds
        self._looked_at += seconds
        self.due += seconds

    def _measure(self, now: float) -> float:
        sizes = self._files.sizes()
        # Time in which nobody looked, because the keeper or the machine stood still, says nothing.
        self.leave_out(max(0.0, now - self._looked_at - 2 * self._every))
        busy = self._cpu_used() > IDLE_SHARE * (now - self._looked_at)
        if busy or sizes != self._sizes:
            self._since = now

        self._sizes = sizes
        self._looked_at = now
        self.due = now + self._every
        return now - self._since

    def _cpu_used(self) -> float:
        """Seconds since the last look.

        Those of a process that has ended are its parent's as soon as that has waited for it: all
        of them count once more then, as the end of a process is a sign of life.
        """
        before, reaped_before = self._cpu_s, self._reaped_s
        self._cpu_s = {(proc.pid, proc.start): proc.cpu_s for proc in self._house.alive()}
        self._reaped_s = self._house.user_s + self._house.system_s
        living = sum(max(0.0, s - before.get(who, 0.0)) for who, s in self._cpu_s.items())
        return living + self._reaped_s - reaped_before


class Memory(Gauge):
    """Bytes of memory."""

    def __init__(self, allowed: float, now: float, house: Household) -> None:
        """Begin now."""
        super().__init__("memory", allowed, now + MEMORY_EVERY)
        self._house = house
        self._procs: list[Proc] = []
        self._walked_at = now - _WALK_EVERY
        self._divided_until = now
        self._divided_below = 0.0

    def _measure(self, now: float) -> float:
        group = self._house.group
        held = group.memory_bytes() if group else None
        used = self._of_the_tree(now) if held is None else held
        self.due = now + MEMORY_EVERY * (1 if used * 2 >= self.allowed else 2)
        return used

    def _of_the_tree(self, now: float) -> float:
        """Resident memory, shared or not, while that is harmless; else the exact sum."""
        procs = self._known(now)
        # Nothing is resident of one whose main thread has ended, but the other threads hold it.
        resident = sum(proc.rss or tree.memory_share(proc) for proc in procs)
        warning = WARN_SHARE * self.allowed
        if resident < warning:
            return resident

        if now < self._divided_until and resident < self._divided_below:
            return self.used

        began = time.process_time()
        held = sum(map(tree.memory_share, procs))
        took = time.process_time() - began
        self._divided_until = now + min(took * _DIVIDE_REST, _DIVIDE_LATEST)
        missing = (warning if held < warning else self.allowed) - held
        self._divided_below = resident + max(missing / 2, self.allowed / 100)
        return held

    def _known(self, now: float) -> list[Proc]:
        """Everyone alive who was there at the look before.

        A child between vfork and exec has the memory of its parent, all of it, for a moment.
        """
        before = {proc.pid: proc.start for proc in self._procs}
        if tree.HAS_PROC and now - self._walked_at < _WALK_EVERY:
            found = [proc for proc in map(tree.read, before) if proc is not None]
        else:
            self._procs = found = self._house.alive()
            self._walked_at = now

        return [proc for proc in found if before.get(proc.pid) == proc.start]


class Files:
    """The sizes of files, whatever becomes of their names."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        """Open those that are there."""
        self._descriptors: list[int] = []
        for path in paths:
            try:
                # Nothing that somebody has put there is waited for, a FIFO least of all.
                descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:
                continue

            self._descriptors.append(descriptor)

    def sizes(self) -> list[int]:
        """Bytes of each."""
        try:
            return [os.fstat(descriptor).st_size for descriptor in self._descriptors]
        except OSError:  # a network's file system may forget a file
            return []

    def close(self) -> None:
        """Let go of them."""
        while self._descriptors:
            os.close(self._descriptors.pop())
