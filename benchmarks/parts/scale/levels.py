"""One orchestrator with so many agents: everything that it costs, up to its end."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from benchmarks import census
from benchmarks.errors import BrokenError
from benchmarks.figures import median
from benchmarks.limits import too_many
from benchmarks.vitals import read_vitals

from .houses import McpHouse, Probe, probe_popen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.parts.base import Context
    from benchmarks.plan import Plan
    from benchmarks.vitals import Vitals

    from .beside import Beside, Stage
    from .houses import House

#: Processes of each agent: its program, its keeper, and what launching takes for a moment.
_PROCESSES: Final = 3

#: Bytes that each agent may take, and that should be free besides.
_MEMORY_EACH: Final = 5_000_000
_MEMORY: Final = 1_000_000_000

#: Seconds that a house gets to come to rest after its last launch.
CALM: Final = 0.5

#: Seconds after which the server looks at agents again when it is asked for their status.
REST: Final = 1.1

#: Seconds without an end after which those who are left count as left.
QUIET: Final = 5.0

#: Status calls in a row, after one that comes after a rest.
_CALLS: Final = 6

_GB: Final = 1_000_000_000
_MS_PER_S: Final = 1000.0

#: What processes are in their house.
SERVER: Final = "server"
NURSERY: Final = "nursery"
KEEPERS: Final = "keepers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The processes of one kind over a while in which nothing happened.

    Attributes:
        before: Each of them at the beginning.
        after: The same at the end.
        seconds: How long it was.
    """

    before: tuple[Vitals, ...]
    after: tuple[Vitals, ...]
    seconds: float

    @property
    def wakeups(self) -> float:
        """Per second, of all of them."""
        return sum(_gains(self, "wakeups")) / self.seconds

    @property
    def cpu(self) -> float:
        """Milliseconds per second, of all of them."""
        return sum(_gains(self, "cpu_ms")) / self.seconds

    @property
    def pss(self) -> float:
        """Bytes of all of them."""
        return float(sum(one.pss for one in self.after))


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What one orchestrator with so many agents costs; times are milliseconds.

    Attributes:
        house: The key of whose orchestrator it is.
        agents: How many live there.
        probes: Of the orchestrator, and in the same turns of bare Popen.
        floor: See there.
        fills: Until all agents ran, each time that they were launched.
        whole: Status calls for the task with all agents, in a row; nothing without MCP.
        rested: The same after a rest: the server looks at every agent.
        alone: For a task with one agent, beside all others.
        roles: Who costs what while nothing happens.
        beside: What other work costs beside the agents.
        ends: From the sign to end until the last process was gone that went, each time.
        left: Processes that stayed, of all times.
    """

    house: str
    agents: int
    probes: tuple[Probe, ...]
    floor: tuple[Probe, ...]
    fills: tuple[float, ...]
    whole: tuple[float, ...] = ()
    rested: tuple[float, ...] = ()
    alone: tuple[float, ...] = ()
    roles: Mapping[str, Roles]
    beside: Beside
    ends: tuple[float, ...]
    left: int

    @property
    def launch(self) -> float:
        """The median of one more launch."""
        return median([one.launch for one in self.probes])

    @property
    def stop(self) -> float:
        """The median of its stop."""
        return median([one.stop for one in self.probes])

    @property
    def filled(self) -> float:
        """The median of the launch of all."""
        return median(self.fills)

    @property
    def ended(self) -> float:
        """The median of the end of all."""
        return median(self.ends)


def no_room(agents: int) -> str | None:
    """Say why so many agents cannot live here; None when they can."""
    reason = too_many(agents, processes=_PROCESSES)
    if reason is not None:
        return reason

    need = _MEMORY + agents * _MEMORY_EACH
    free = psutil.virtual_memory().available
    if free < need:
        return f"{agents} agents need up to {need / _GB:.1f} GB, and {free / _GB:.1f} are free"

    return None


def climb(key: str, house: House, agents: int, *, stage: Stage, context: Context) -> Level:
    """Fill an orchestrator, measure, and end it.

    Args:
        key: Whose it is.
        house: It has no agents yet.
        agents: How many it gets.
        stage: What is needed besides.
        context: What to work with.

    Raises:
        BrokenError: It did not do its work.
    """
    plan, ground = context.plan, context.ground
    filled = _fill(house, agents)
    # What is loaded at the first stop only is nobody's figure.
    house.probe()
    probe_popen(ground, stage.program)
    probes: list[Probe] = []
    floor: list[Probe] = []
    for number in range(plan.scale_probes):
        for ours in (True, False) if number % 2 else (False, True):
            if ours:
                probes.append(house.probe())
            else:
                floor.append(probe_popen(ground, stage.program))

    status = _ask(house, plan) if isinstance(house, McpHouse) else ((), (), ())
    roles = _watch(house.root, agents, plan)
    beside = stage.measure(house, plan)
    ended, left = _end(house)
    ground.reap()
    return Level(
        house=key,
        agents=agents,
        probes=tuple(probes),
        floor=tuple(floor),
        fills=(filled,),
        whole=status[0],
        rested=status[1],
        alone=status[2],
        roles=roles,
        beside=beside,
        ends=(ended,),
        left=left,
    )


def climb_again(level: Level, house: House, *, context: Context) -> Level:
    """Fill another orchestrator as one was, and end it; returns the level with both.

    Raises:
        BrokenError: It did not do its work.
    """
    filled = _fill(house, level.agents)
    census.pause(CALM)
    ended, left = _end(house)
    context.ground.reap()
    return replace(
        level,
        fills=(*level.fills, filled),
        ends=(*level.ends, ended),
        left=level.left + left,
    )


def _fill(house: House, agents: int) -> float:
    """Launch agents that stay; returns the milliseconds until all run."""
    began = time.perf_counter()
    house.fill(agents)
    return (time.perf_counter() - began) * _MS_PER_S


def _ask(house: McpHouse, plan: Plan) -> tuple[tuple[float, ...], ...]:
    """Ask for the status: of all agents, of them after a rest, of the one that is alone."""
    whole: list[float] = []
    rested: list[float] = []
    alone: list[float] = []
    for _ in range(plan.scale_looks):
        census.pause(REST)
        rested.append(house.status(whole=True))
        for _ in range(_CALLS):
            whole.append(house.status(whole=True))
            alone.append(house.status(whole=False))

    return tuple(whole), tuple(rested), tuple(alone)


def _watch(root: int, agents: int, plan: Plan) -> dict[str, Roles]:
    """Look at everyone before and after a while.

    Raises:
        BrokenError: Somebody is missing, or has gone meanwhile.
    """
    census.pause(CALM)
    pids = _members(root)
    if len(pids[KEEPERS]) < agents:
        raise BrokenError(f"{agents} agents, but {len(pids[KEEPERS])} keepers")

    try:
        before = {role: tuple(map(read_vitals, members)) for role, members in pids.items()}
        census.pause(plan.scale_seconds)
        after = {role: tuple(map(read_vitals, members)) for role, members in pids.items()}
    except OSError as error:
        raise BrokenError(f"somebody is gone who should be there: {error}") from error

    return {
        role: Roles(before=before[role], after=after[role], seconds=plan.scale_seconds)
        for role in pids
    }


def _members(root: int) -> dict[str, list[int]]:
    """Say who is what, by where it stands below the orchestrator."""
    nurseries = _children(root)
    below = [pid for nursery in nurseries for pid in _children(nursery)]
    return {
        SERVER: [root],
        NURSERY: nurseries,
        KEEPERS: [pid for pid in below if _children(pid)],
    }


def _children(pid: int) -> list[int]:
    """Return who was started by one of its threads; a walk over all processes takes seconds."""
    try:
        files = list(Path(f"/proc/{pid}/task").glob("*/children"))
        return [int(word) for file in files for word in file.read_text().split()]
    except OSError as error:
        raise BrokenError(f"{pid} is gone: {error}") from error


def _end(house: House) -> tuple[float, int]:
    """End everything; returns the milliseconds until the last one went, and how many stay."""
    everyone = census.tree(house.root)
    before = [psutil.Process(pid) for pid in everyone]
    with census.Watch(everyone) as watch:
        began = time.perf_counter()
        house.leave()
        watch.wait(quiet=QUIET)
        last = max(watch.ended.values(), default=began)
        left = len(watch.left)

    # The pidfds say that these are still the same.
    census.end(one for one in before if one.pid in watch.left)
    return (last - began) * _MS_PER_S, left


def _gains(roles: Roles, field: str) -> list[float]:
    pairs = zip(roles.before, roles.after, strict=True)
    return [getattr(after, field) - getattr(before, field) for before, after in pairs]
