"""What a soak does, drawn from its seed: lives of orchestrators, their cycles and endings; pure."""

from __future__ import annotations

import signal
from random import Random
from typing import TYPE_CHECKING, Final, Literal, TypeVar, get_args

from orchestrator.model.base import Noun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

House = Literal["library", "mcp"]
Backend = Literal["asyncio", "trio"]

#: What an agent does; see ``benchmarks/habits/soaked.sh``.
#: ``ends``, ``dies`` (by a signal) and ``leaves`` (two processes behind) end at once.
Habit = Literal[
    "ends",
    "dies",
    "leaves",
    "group",
    "tool",
    "daemon",
    "naked",
    "stubborn",
    "halted",
    "burst",
]

#: What becomes of an agent.
#:
#: ``itself``   it ends by itself, at once
#: ``told``     it ends by itself, when the harness says so
#: ``stopped``  the orchestrator is asked to stop it
#: ``killed``   the same, without a grace
#: ``victim``   its keeper gets SIGKILL
#: ``left``     it runs when the orchestrator ends
#: ``flight``   its launch was asked for and not answered when the orchestrator ends
#: ``adopted``  durable: it is stopped by the next orchestrator
#: ``gap``      durable: it ends by itself while there is no orchestrator
Fate = Literal["itself", "told", "stopped", "killed", "victim", "left", "flight", "adopted", "gap"]

AT_ONCE: Final[frozenset[Habit]] = frozenset({"ends", "dies", "leaves"})

_HABITS: Final[Mapping[Habit, int]] = {
    "ends": 25,
    "dies": 6,
    "leaves": 9,
    "group": 10,
    "tool": 15,
    "daemon": 10,
    "naked": 8,
    "stubborn": 4,
    "halted": 6,
    "burst": 7,
}
_STAYING: Final[Mapping[Habit, int]] = {
    habit: weight for habit, weight in _HABITS.items() if habit not in AT_ONCE
}
_FATES: Final[Mapping[House, Mapping[Fate, int]]] = {
    "library": {"told": 30, "stopped": 50, "killed": 20},
    "mcp": {"told": 35, "stopped": 65},
}
_LAST_FATES: Final[Mapping[Fate, int]] = {"left": 55, "flight": 15, "adopted": 20, "gap": 10}
_DEADLY: Final = (signal.SIGHUP, signal.SIGABRT, signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM)

#: Cycles of a short life, at most; the long ones have `_LONG_SHARE` of all cycles each.
_LONGEST: Final = 14
_LONG_SHARE: Final = 5
_LONG_LIVES: Final[tuple[House, ...]] = ("mcp", "library")

_CODE_MAX: Final = 125
_DURABLE_SHARE: Final = 0.1
_ACCIDENTS: Final = 0.04
_HASTY: Final = 0.25

T = TypeVar("T")


class Launch(Noun):
    """An agent that is to be launched.

    Attributes:
        habit: What it does.
        number: Its exit code when it ends by itself; for ``dies`` the signal.
        fate: What becomes of it.
        durable: Whether it is launched as a durable one.
    """

    habit: Habit
    number: int
    fate: Fate
    durable: bool = False

    @property
    def agent_type(self) -> str:
        """What tells the agent: the first part of its id."""
        return f"{self.habit}{self.number}"


class Cycle(Noun):
    """Launches, and what becomes of them while their orchestrator lives.

    Attributes:
        nursery: It gets SIGKILL when all agents are there.
    """

    launches: tuple[Launch, ...]
    nursery: bool = False


class Way(Noun):
    """How an orchestrator ends.

    Attributes:
        first: Who gets SIGKILL just before it.
        number: The signal to the orchestrator; None for the end of its input.
    """

    name: str
    first: Literal["keeper", "nursery"] | None = None
    number: int | None = None

    @property
    def orderly(self) -> bool:
        """Whether it gets to say that it ends."""
        return self.number != signal.SIGKILL


WAYS: Final = (
    Way(name="end of input"),
    Way(name="SIGTERM", number=signal.SIGTERM),
    Way(name="SIGINT", number=signal.SIGINT),
    Way(name="SIGHUP", number=signal.SIGHUP),
    Way(name="SIGKILL", number=signal.SIGKILL),
    Way(name="SIGKILL of a keeper, end of input", first="keeper"),
    Way(name="SIGKILL of the nursery, end of input", first="nursery"),
    Way(name="SIGKILL of nursery and orchestrator", first="nursery", number=signal.SIGKILL),
)


class Life(Noun):
    """One orchestrator, from its start to its end.

    Attributes:
        number: Of this life in its run.
        first: The number of its first cycle in its run.
        begin: Its first cycle that is run, counted in this life.
        end: One after the last.
        long: It lives for a good part of the run, so that growth is seen.
        hasty: It does not wait for its agents at its end, and leaves them to their keepers.
        closing: It only takes over what the one before it has left, and runs nothing.
    """

    number: int
    house: House
    backend: Backend
    way: Way
    first: int
    begin: int
    end: int
    long: bool = False
    hasty: bool = False
    closing: bool = False

    @property
    def cycles(self) -> range:
        """The cycles that are run, counted in this life."""
        return range(self.begin, self.end)


def draw_lives(
    seed: int, cycles: int, *, from_cycle: int = 0, to_cycle: int | None = None
) -> Iterator[Life]:
    """Draw the lives of a run: one long one for each house, then short ones.

    Args:
        seed: Equal seeds give equal lives, as far as `cycles` is equal.
        cycles: Of all lives together.
        from_cycle: Leave out what is before this cycle.
        to_cycle: And what is after this one; None for nothing.
    """
    last = cycles if to_cycle is None else min(cycles, to_cycle + 1)
    first = number = 0
    while first < last:
        life = _draw_life(seed, number, first, cycles)
        begin, end = max(0, from_cycle - first), min(life.end, last - first)
        if begin < end:
            yield life.model_copy(update={"begin": begin, "end": end})

        first += life.end
        number += 1


def _draw_life(seed: int, number: int, first: int, cycles: int) -> Life:
    rng = _random(seed, number)
    house: House = rng.choice(get_args(House))
    backend: Backend = rng.choice(get_args(Backend))
    length = rng.randint(1, _LONGEST)
    long = number < len(_LONG_LIVES)
    if long:
        house = _LONG_LIVES[number]
        length = max(1, cycles // _LONG_SHARE)

    return Life(
        number=number,
        house=house,
        backend=backend,
        way=_draw_way(seed, number),
        first=first,
        begin=0,
        end=min(length, cycles - first),
        long=long,
        hasty=rng.random() < _HASTY,
    )


def _draw_way(seed: int, number: int) -> Way:
    """Draw from a shuffled deck, so that a short run has each way too."""
    deck = list(WAYS)
    _random(seed, "ways", number // len(deck)).shuffle(deck)
    return deck[number % len(deck)]


def draw_cycle(seed: int, life: Life, index: int) -> Cycle:
    """Draw a cycle of a life; the index counts in the life."""
    rng = _random(seed, life.number, index)
    launches = [_draw_launch(rng, life.house) for _ in range(rng.randint(2, 5))]
    accident = rng.random()
    if accident < _ACCIDENTS:
        launches[0] = _staying(rng, "victim")

    return Cycle(launches=tuple(launches), nursery=_ACCIDENTS <= accident < 2 * _ACCIDENTS)


def draw_last(seed: int, life: Life) -> tuple[Launch, ...]:
    """Draw what runs when the orchestrator ends."""
    if life.closing:
        return ()

    rng = _random(seed, life.number, "last")
    launches = [_draw_last_launch(rng, life.house) for _ in range(rng.randint(1, 4))]
    if life.way.first == "keeper":
        launches.append(_staying(rng, "victim", durable=rng.random() < 0.5))

    return tuple(launches)


def _draw_last_launch(rng: Random, house: House) -> Launch:
    fate = _choose(rng, _LAST_FATES)
    if fate == "flight":
        drawn = _draw_launch(rng, house)
        return drawn.model_copy(update={"fate": fate, "durable": False})

    return _staying(rng, fate, durable=fate != "left")


def _draw_launch(rng: Random, house: House) -> Launch:
    habit = _choose(rng, _HABITS)
    number = rng.choice(_DEADLY) if habit == "dies" else rng.randint(0, _CODE_MAX)
    fate: Fate = "itself" if habit in AT_ONCE else _choose(rng, _FATES[house])
    durable = rng.random() < _DURABLE_SHARE
    return Launch(habit=habit, number=number, fate=fate, durable=durable)


def _staying(rng: Random, fate: Fate, *, durable: bool = False) -> Launch:
    habit = _choose(rng, _STAYING)
    return Launch(habit=habit, number=rng.randint(0, _CODE_MAX), fate=fate, durable=durable)


def _choose(rng: Random, weights: Mapping[T, int]) -> T:
    names: Sequence[T] = tuple(weights)
    return rng.choices(names, tuple(weights.values()))[0]


def _random(*names: object) -> Random:
    """Return a generator for one purpose, so that a part of a run can be drawn without the rest."""
    return Random("/".join(map(str, names)))  # noqa: S311  nothing is kept secret with it
