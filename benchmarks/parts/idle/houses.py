"""Houses that are watched while nothing happens: servers with their agents."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import psutil

from benchmarks import census
from benchmarks.contenders.bare import POPEN
from benchmarks.contenders.circus import CircusContender
from benchmarks.contenders.library import TRIO, LibraryContender
from benchmarks.contenders.mcp import McpContender
from benchmarks.contenders.supervisord import SupervisordContender
from benchmarks.contenders.tmux import TmuxContender
from benchmarks.errors import BrokenError
from benchmarks.vitals import read_vitals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import ExitStack
    from typing import Protocol

    from benchmarks.contenders.base import Contender, Resident, Session
    from benchmarks.ground import Ground
    from benchmarks.vitals import Vitals

    class _ResidentSession(Session, Resident, Protocol):
        """One that launches, and stays."""


#: A parent of as many children that has no more to do with them: what is there at least.
BARE: Final = replace(POPEN, name="bare parent, Popen (floor)")

KEEPERS: Final = "keepers"

#: Seconds that agents may take to become their program.
COME_LIMIT: Final = 30.0

#: How often houses are watched until nobody comes or goes meanwhile.
_TRIES: Final = 3

#: The contenders that are this project, by their keys: they have keepers.
OURS: Final = frozenset({"library", "library-trio", "mcp"})

_MB = 1_000_000

#: Per cent of a core, for each millisecond that is run in a second.
_PERCENT: Final = 0.1


def contenders(capacity: int) -> tuple[Contender[_ResidentSession], ...]:
    """Return all, for so many agents."""
    return (
        BARE,
        LibraryContender(),
        TRIO,
        McpContender(),
        TmuxContender(),
        SupervisordContender(capacity=capacity),
        CircusContender(capacity=capacity),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """One kind of process of one house, over a while in which nothing happened.

    Attributes:
        house: The key of the contender.
        name: Who it is.
        role: What it is in its house.
        seconds: How long it was watched.
        before: Each such process at the beginning.
        after: The same at the end.
    """

    house: str
    name: str
    role: str
    seconds: float
    before: tuple[Vitals, ...]
    after: tuple[Vitals, ...]

    @property
    def wakeups(self) -> float:
        """Per second, of all of them."""
        woken = sum(one.wakeups for one in self.after) - sum(one.wakeups for one in self.before)
        return woken / self.seconds

    @property
    def cpu(self) -> float:
        """Milliseconds per second, of all of them."""
        ran = sum(one.cpu_ms for one in self.after) - sum(one.cpu_ms for one in self.before)
        return ran / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What one house weighs without agents and with them; the agents themselves are left out.

    Attributes:
        house: The key of the contender.
        name: Who it is.
        agents: How many there were.
        empty: Each process of the house without agents.
        full: Each with them.
        keepers: Of these, the keepers.
    """

    house: str
    name: str
    agents: int
    empty: tuple[Vitals, ...]
    full: tuple[Vitals, ...]
    keepers: tuple[Vitals, ...]

    @property
    def per_agent(self) -> float:
        """MB that each agent adds to the house: keeper, nursery and server together."""
        return (weight(self.full) - weight(self.empty)) / self.agents

    @property
    def descriptors(self) -> float:
        """Descriptors that each agent adds."""
        return (open_files(self.full) - open_files(self.empty)) / self.agents


def find(memory: Iterable[Memory], house: str) -> Memory | None:
    """Return what the house with this key weighs, if it was weighed."""
    return next((one for one in memory if one.house == house), None)


def of_house(found: Iterable[Rest], house: str) -> list[Rest]:
    """Return every kind of process of the house with this key."""
    return [one for one in found if one.house == house]


def cpu(rests: Iterable[Rest]) -> float:
    """Return what processes run together, in per cent of a core."""
    return sum(one.cpu for one in rests) * _PERCENT


def wakeups(rests: Iterable[Rest]) -> float:
    """Return how often per second processes wake up together."""
    return sum(one.wakeups for one in rests)


def open_files(vitals: Iterable[Vitals]) -> int:
    """Return how many descriptors processes have open together."""
    return sum(one.descriptors for one in vitals)


def weight(vitals: Sequence[Vitals]) -> float:
    """Return the memory of processes, in MB (10⁶ bytes)."""
    return sum(one.pss for one in vitals) / _MB


class House:
    """A contender that is open.

    Attributes:
        key: Its short name.
        name: What it is called in tables.
    """

    def __init__(
        self, contender: Contender[_ResidentSession], ground: Ground, stack: ExitStack
    ) -> None:
        """Open it.

        Args:
            contender: Whose house it is.
            ground: Where it stands.
            stack: What it is closed with.
        """
        self.key = contender.key
        self.name = contender.name
        self._ground = ground
        self._session = stack.enter_context(contender.open(ground, ground.program("stays")))

    def weigh(self, count: int, *, rest: float) -> Memory:
        """Look at its memory without agents, and with so many; then clear them away.

        Args:
            count: How many agents.
            rest: Seconds that it gets to come to rest.

        Raises:
            BrokenError: Somebody of it has gone, or agents are missing.
        """
        census.pause(rest)
        empty = self.vitals()
        self.fill(count)
        census.pause(rest)
        full = self.vitals()
        self.clear()
        return Memory(
            house=self.key,
            name=self.name,
            agents=count,
            empty=tuple(one for each in empty.values() for one in each),
            full=tuple(one for each in full.values() for one in each),
            keepers=full.get(KEEPERS, ()),
        )

    def fill(self, count: int) -> None:
        """Launch agents.

        Raises:
            BrokenError: Agents are missing.
        """
        self._session.launch(count, together=True)
        if not census.wait_until(lambda: self._agents() >= count, within=COME_LIMIT):
            raise BrokenError(f"{self.name}: of {count} agents {self._agents()} are there")

        keepers = len(self.roles().get(KEEPERS, ()))
        if self.key in OURS and keepers != count:
            raise BrokenError(f"{self.name}: {count} agents, but {keepers} keepers")

    def clear(self) -> None:
        """End the agents."""
        self._session.clear()

    def _agents(self) -> int:
        """Count the agents of this house; one that has not become its program yet is none."""
        agents = {one.pid for one in self._ground.agents()}
        return len(agents.intersection(census.tree(self._session.root)))

    def rests(
        self,
        first: tuple[float, dict[str, tuple[Vitals, ...]]],
        last: tuple[float, dict[str, tuple[Vitals, ...]]],
    ) -> list[Rest]:
        """Return what it did between two looks, each with its time."""
        (began, before), (ended, after) = first, last
        return [
            Rest(
                house=self.key,
                name=self.name,
                role=role,
                seconds=ended - began,
                before=before[role],
                after=after[role],
            )
            for role in before
        ]

    def vitals(self) -> dict[str, tuple[Vitals, ...]]:
        """Look at every process of it but the agents, by what it is.

        Raises:
            BrokenError: One is gone.
        """
        try:
            return {
                role: tuple(map(read_vitals, pids)) for role, pids in self.roles().items() if pids
            }
        except OSError as error:
            raise BrokenError(f"{self.name}: one of it is gone: {error}") from error

    def roles(self) -> dict[str, list[int]]:
        """Say who is what, by where it stands below the server; agents are left out."""
        root = self._session.root
        agents = {one.pid for one in self._ground.agents()}
        if self.key not in OURS:
            others = [pid for pid in census.tree(root) if pid not in agents and pid != root]
            return {"server": [root], **({"others": others} if others else {})}

        roles = {"server": [root]}
        for nursery in psutil.Process(root).children():
            if nursery.pid in agents or not census.leads_session(nursery):
                continue

            roles.setdefault("nursery", []).append(nursery.pid)
            for keeper in nursery.children():
                busy = any(child.pid in agents for child in keeper.children())
                roles.setdefault(KEEPERS if busy else "spare", []).append(keeper.pid)

        return roles


def watch(houses: Sequence[House], seconds: float) -> list[Rest]:
    """Watch all of them for so long; again when somebody has come or gone meanwhile.

    Raises:
        BrokenError: They do not come to rest.
    """
    roles: list[dict[str, list[int]]] = []
    for _ in range(_TRIES):
        roles = [house.roles() for house in houses]
        before = [(time.perf_counter(), house.vitals()) for house in houses]
        census.pause(seconds)
        after = [(time.perf_counter(), house.vitals()) for house in houses]
        if roles == [house.roles() for house in houses]:
            return [
                rest
                for house, first, last in zip(houses, before, after, strict=True)
                for rest in house.rests(first, last)
            ]

    raise BrokenError(f"processes come and go in houses where nothing happens: {roles}")
