"""One stop of many agents, timed from outside until nobody is left or nothing happens any more."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import psutil

from benchmarks import census
from benchmarks.contenders.base import Resident, Session
from benchmarks.departures import Departures
from benchmarks.errors import BrokenError

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contenders.base import Contender
    from benchmarks.ground import Ground
    from benchmarks.parts.base import Context

#: Processes of each agent: a shell, and two of the program that it starts, one in its own session.
PROCESSES: Final = 3
_STARTED: Final = "sleep"

#: Seconds that agents may take to start their processes.
SETTLE_LIMIT: Final = 60.0

#: Seconds without an end after which those who are left count as left, while somebody is there who
#: may end them, and when nobody is.
QUIET: Final = 2.0
ALONE: Final = 1.0

#: Seconds between two looks at who is there, for each agent: a look costs more with many.
_LOOK_EACH: Final = 0.0005

_MS_PER_S: Final = 1000.0


class LastingSession(Session, Resident, Protocol):
    """One that launches, and stays."""


S = TypeVar("S", bound=LastingSession)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one stop went.

    Attributes:
        agents_ms: Until the last process of an agent was gone, reaped and all, that did go.
        house_ms: The same of servers, nurseries and keepers too; None when one stayed.
        left: Agents' processes that stayed.
        turn: Seconds that the launch and the stop took, of which little is waiting for nothing.
    """

    agents_ms: float
    house_ms: float | None
    left: int
    turn: float


def attempt(
    contender: Contender[S],
    end: Callable[[S], None],
    context: Context,
    count: int,
    *,
    prepare: Callable[[S, list[int]], None] | None = None,
    houses: bool = True,
) -> Ending:
    """Launch so many agents, and end them all at once.

    Args:
        contender: Who launches.
        end: Says that all is to end, and does not wait for it.
        context: What it works with.
        count: How many agents.
        prepare: Is told all process groups before that.
        houses: Whether the one who launches is to end too.

    Raises:
        BrokenError: Not everybody came.
    """
    ground = context.ground
    before = {one.pid for one in census.descendants()}
    with contender.open(ground, ground.program("escapes")) as session:
        launched = session.launch(count, together=True)
        agents = _settled(ground, count, contender.name)
        members = {one.pid for one in agents}
        house = {one.pid for one in census.descendants()} - members - before
        house = house if houses else set[int]()
        if prepare is not None:
            prepare(session, sorted({os.getpgid(pid) for pid in members}))

        # What is waited for no more would be looked through for each one who ends.
        ground.reap()
        with Departures(members | house, ground.reap_all) as departures:
            began = time.perf_counter()
            end(session)
            quiet = QUIET if house else ALONE
            stayed = departures.wait(members, quiet=quiet, enders=house, after=ALONE)
            housed = departures.wait(house, quiet=QUIET)
            gone = {pid: at - began for pid, at in departures.gone.items()}

        census.end(one for one in agents if one.pid in stayed)

    ground.reap()
    agents_s = max((gone[pid] for pid in members - stayed), default=0.0)
    house_s = max((gone[pid] for pid in house - housed), default=0.0)
    return Ending(
        agents_ms=agents_s * _MS_PER_S,
        house_ms=None if stayed or housed else max(agents_s, house_s) * _MS_PER_S,
        left=len(stayed),
        turn=launched.wall / _MS_PER_S + agents_s,
    )


def _settled(ground: Ground, count: int, name: str) -> list[psutil.Process]:
    """Wait until every process of every agent is there, and the escapees have escaped."""
    limit = time.monotonic() + SETTLE_LIMIT
    while time.monotonic() < limit:
        agents = ground.agents()
        escaped = sum(map(_has_escaped, agents)) if len(agents) == count * PROCESSES else 0
        if escaped == count:
            return agents

        census.pause(max(census.LOOK, count * _LOOK_EACH))

    raise BrokenError(f"{name}: not all of {count} agents have their {PROCESSES} processes")


def _has_escaped(process: psutil.Process) -> bool:
    # Not every agent itself leads a session: supervisord gives it a group only.
    try:
        return census.leads_session(process) and process.name() == _STARTED
    except psutil.NoSuchProcess:
        return False
