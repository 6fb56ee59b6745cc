"""Stores with so many agents on record, each in a process of its own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from benchmarks.closing import Closing
from benchmarks.contenders.lines import LineChild
from benchmarks.errors import BrokenError
from benchmarks.model import Round

if TYPE_CHECKING:
    from benchmarks.ground import Ground

#: What `benchmarks.workers.registry` can be.
CHANGES: Final = "changes"
BARE: Final = "bare"
PROJECTION: Final = "projection"

NAMES: Final = {
    CHANGES: "Registry",
    BARE: "bare sqlite3, one UPDATE (floor)",
    PROJECTION: "AGENT_REGISTRY.json and GLOBAL_REGISTRY.json",
}

#: More changes than this do not fit into the log of sqlite before it is written back.
_LOG: Final = 400

#: Shares no factor with it, so that turns begin with differently full logs.
_STEP: Final = 137

#: What is made at the first changes only is nobody's figure.
_FIRST: Final = 10


class Store(Closing):
    """One such process; a context manager.

    Attributes:
        kind: What it is.
        count: How many agents are on record.
        name: What it is called in tables.
        kinds: Milliseconds of everything that it has done, by what it was.
    """

    def __init__(self, ground: Ground, kind: str, count: int) -> None:
        """Start it; it fills itself meanwhile."""
        self.kind = kind
        self.count = count
        self.name = f"{NAMES[kind]}, {count:,} on record"
        self.kinds: dict[str, list[float]] = {}
        self._turns = 0
        folder = str(ground.new_folder(on_disk=True) / kind)
        argv = [sys.executable, "-m", "benchmarks.workers.registry", kind, folder, str(count)]
        self._child = LineChild(ground, argv, environment={}, name=self.name)

    def close(self) -> None:
        """End it."""
        self._child.close()

    def wait_filled(self) -> None:
        """Wait until everything is on record.

        Raises:
            BrokenError: It takes too long, or failed.
        """
        self._child.receive()

    def turn(self, lives: int) -> Round:
        """Do what it does, for so many agents.

        Raises:
            BrokenError: It failed.
        """
        before = _FIRST + self._turns * _STEP % _LOG
        self._turns += 1
        self._child.send({"do": "turn", "lives": lives, "before": before})
        done: dict[str, list[float]] = self._child.receive()["times"]
        for what, times in done.items():
            self.kinds.setdefault(what, []).extend(times)

        # What a projection ran is no second thing that it did.
        times = tuple(time for what, each in done.items() if what != "cpu" for time in each)
        if not times:
            raise BrokenError(f"{self.name} did nothing: {done}")

        return Round(times=times, wall=sum(times))
