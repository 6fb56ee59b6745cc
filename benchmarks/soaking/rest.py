"""An orchestrator at rest: how much memory it has, and what is open, from cycle to cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import psutil

from benchmarks import census
from benchmarks.vitals import read_vitals

from .model import Sample
from .processes import children_of, look_at

if TYPE_CHECKING:
    from benchmarks.vitals import Vitals

    from .houses import Open
    from .model import Wrong

#: Samples of memory that are taken over a life, about.
_SAMPLES: Final = 200


class Counts(NamedTuple):
    """What is open at one point of a life: descriptors and threads.

    Attributes:
        own: Of the orchestrator.
        nursery: The pid of its nursery; 0 where there is none.
        of_nursery: Of the nursery.
    """

    own: tuple[int, int]
    nursery: int
    of_nursery: tuple[int, int]


class Rest:
    """The rests of one orchestrator.

    Attributes:
        samples: Of its memory.
        deltas: By how much descriptors and threads differ, from the first rest to the last.
        nursery_deltas: The same of its nursery; None where it is not the same one.
    """

    def __init__(self, house: Open, *, cycles: int) -> None:
        """Nothing was looked at yet; there will be so many cycles."""
        self.samples: list[Sample] = []
        self.deltas: tuple[int, int] | None = None
        self.nursery_deltas: tuple[int, int] | None = None
        self._house = house
        self._every = max(1, cycles // _SAMPLES)
        self._first: Counts | None = None
        self._since = 0

    def look(self, cycle: int, *, settled: bool) -> None:
        """Look at it after a cycle.

        Args:
            cycle: Which one, counted in its life.
            settled: Its nursery was not killed just now: a new one opens some things late.
        """
        if self._first is not None:
            self._since += 1
        elif settled:
            self._first = self._count()

        if cycle % self._every == 0:
            self._sample(cycle)

    def compare(self, *, patience: float) -> dict[Wrong, str]:
        """Compare what is open now with what was at the first rest; returns what is wrong.

        Fewer threads are not: those that have nothing to do end after a while.

        Args:
            patience: Seconds that this may take.
        """
        first = self._first
        if first is None or self._since == 0:
            return {}

        seen: list[Counts] = []

        def look() -> bool:
            seen[:] = [self._count()]
            return not self._complaints(first, seen[0])

        census.wait_until(look, within=patience)
        (now,) = seen
        self.deltas = _difference(now.own, first.own)
        if now.nursery == first.nursery:
            self.nursery_deltas = _difference(now.of_nursery, first.of_nursery)

        return self._complaints(first, now)

    @staticmethod
    def _complaints(first: Counts, now: Counts) -> dict[Wrong, str]:
        found: dict[Wrong, str] = {}
        descriptors, threads = _difference(now.own, first.own)
        if descriptors:
            found["descriptors"] = f"{descriptors:+d} of an orchestrator"

        if threads > 0:
            found["threads"] = f"{threads:+d} of an orchestrator"

        of_nursery = _difference(now.of_nursery, first.of_nursery)
        if now.nursery == first.nursery and of_nursery != (0, 0):
            found["descriptors"] = f"{of_nursery[0]:+d} (threads {of_nursery[1]:+d}) of a nursery"

        return found

    def _sample(self, cycle: int) -> None:
        pid = self._house.process.pid
        vitals = read_vitals(pid)
        self.samples.append(
            Sample(
                cycle=cycle,
                rss=psutil.Process(pid).memory_info().rss,
                pss=vitals.pss,
                descriptors=vitals.descriptors,
                threads=vitals.threads,
            )
        )

    def _count(self) -> Counts:
        self._house.use_thread()
        pid = self._house.process.pid
        own = _open_of(read_vitals(pid))
        for child in children_of(pid):
            seen = look_at(child)
            if seen is not None and seen.is_nursery:
                return Counts(own, child, _open_of(read_vitals(child)))

        return Counts(own, 0, (0, 0))


def _open_of(vitals: Vitals) -> tuple[int, int]:
    return (vitals.descriptors, vitals.threads)


def _difference(now: tuple[int, int], before: tuple[int, int]) -> tuple[int, int]:
    return (now[0] - before[0], now[1] - before[1])
