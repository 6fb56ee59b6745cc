"""Stopping: many agents with three processes each, one of which has left its agent's session."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from benchmarks import census
from benchmarks.contenders.library import TRIO, LibraryContender, LibrarySession
from benchmarks.contenders.mcp import McpContender, McpSession
from benchmarks.contenders.popen import PopenContender, PopenSession
from benchmarks.contenders.tmux import TmuxContender, TmuxSession
from benchmarks.errors import BrokenError
from benchmarks.figures import median
from benchmarks.model import Column, PartResult, Table, Target
from benchmarks.rounds import order

from .base import no_linux, present

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.contenders.base import Contender, Session
    from benchmarks.model import Cell, Skipped, Verdict

    from .base import Context

#: Processes of each agent, and how many of these lead a session.
PROCESSES: Final = 3
LEADERS: Final = 2

#: Seconds that agents may take to start their processes.
SETTLE_LIMIT: Final = 30.0

#: Seconds without an end after which those who are left count as left: more than any grace.
QUIET: Final = 2.0

_MS_PER_S = 1000.0
_END_OF_INPUT = "mcp-end-of-input"

_DOWN = Target(
    name="all agents' processes gone after end of input, slowest run",
    bound="at most",
    limit=1,
    unit="s",
)
_LEFT = Target(name="processes left after end of input", bound="at most", limit=0, unit="processes")

S = TypeVar("S", bound="Session")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one stop went.

    Attributes:
        agents_ms: Until the last process of an agent was gone that did go.
        house_ms: The same of servers, nurseries and keepers too; None when one stayed.
        left: Agents' processes that stayed.
    """

    agents_ms: float
    house_ms: float | None
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way of ending everything.

    Attributes:
        key: Its short name.
        name: What it is called in tables.
        contender: Whose it is.
        attempt: Tries it once.
    """

    key: str
    name: str
    contender: Contender[Session]
    attempt: Callable[[Context], Ending]


def way(key: str, name: str, contender: Contender[S], end: Callable[[S], None]) -> Way:
    """Make a way of ending everything.

    Args:
        key: Its short name.
        name: What it is called in tables.
        contender: Who launches the agents.
        end: Says that all is to end, and does not wait for it.
    """
    return Way(key=key, name=name, contender=contender, attempt=partial(_attempt, contender, end))


@dataclass(frozen=True, slots=True)
class Stop:
    """See the module."""

    name: str = "stop"
    summary: str = "everything ended at once: how long, and who is left"

    def missing(self) -> str | None:
        """Only Linux tells from outside when the last one is gone."""
        return no_linux()

    def measure(self, context: Context) -> PartResult:
        """Try every way, several times in turns."""
        everything = _all_ways()
        skipped = present([one.contender for one in everything])[1]
        ways = [one for one in everything if one.contender.missing() is None]
        endings: dict[str, list[Ending]] = {one.key: [] for one in ways}
        context.steps.begin("stop", context.plan.stops * len(ways))
        for number in range(context.plan.stops):
            for one in order(ways, number):
                endings[one.key].append(one.attempt(context))
                context.steps.advance()

        return PartResult(
            name=self.name,
            tables=(_table(context, [(one, endings[one.key]) for one in ways]),),
            verdicts=judge(endings.get(_END_OF_INPUT, [])),
            skipped=_once(skipped),
        )


def judge(endings: list[Ending]) -> tuple[Verdict, ...]:
    """Compare the ends after end of input with the targets; the worst one counts."""
    if not endings:
        return (_DOWN.judge(None), _LEFT.judge(None))

    left = max(ending.left for ending in endings)
    slowest = max(ending.agents_ms for ending in endings) / _MS_PER_S
    return (_DOWN.judge(None if left else slowest), _LEFT.judge(left))


def _all_ways() -> tuple[Way, ...]:
    return (
        way(_END_OF_INPUT, "MCP server: end of input", McpContender(), McpSession.hang_up),
        way("mcp-kill", "MCP server: SIGKILL", McpContender(), McpSession.kill),
        way("library", "library, asyncio: block left", LibraryContender(), LibrarySession.leave),
        way("library-trio", "library, trio: block left", TRIO, LibrarySession.leave),
        way("tmux", "tmux kill-server", TmuxContender(), TmuxSession.kill_server),
        way("popen", "bare Popen: killpg(SIGTERM)", PopenContender(), PopenSession.kill_groups),
    )


def _attempt(contender: Contender[S], end: Callable[[S], None], context: Context) -> Ending:
    ground, count = context.ground, context.plan.agents
    before = {one.pid for one in census.descendants()}
    with contender.open(ground, _program(context)) as session:
        session.launch(count, together=True)
        if not census.wait_until(partial(_complete, context), within=SETTLE_LIMIT):
            raise BrokenError(f"{contender.name}: not all agents have their {PROCESSES} processes")

        agents = ground.agents()
        members = {one.pid for one in agents}
        house = {one.pid for one in census.descendants()} - members - before
        with census.Watch(members) as of_agents, census.Watch(house) as of_house:
            began = time.perf_counter()
            end(session)
            of_agents.wait(quiet=QUIET)
            gone = of_house.wait(quiet=QUIET) and not of_agents.left
            left = [one for one in agents if one.pid in of_agents.left]
            agents_ms = (max(of_agents.ended.values(), default=began) - began) * _MS_PER_S
            house_ms = (max(of_house.ended.values(), default=began) - began) * _MS_PER_S

        census.end(left)

    ground.reap()
    return Ending(
        agents_ms=agents_ms,
        house_ms=max(agents_ms, house_ms) if gone else None,
        left=len(left),
    )


def _program(context: Context) -> Path:
    return context.ground.program("escapes")


def _complete(context: Context) -> bool:
    """Whether every process of every agent is there, and the escapees have escaped."""
    agents = context.ground.agents()
    leaders = sum(census.leads_session(one) for one in agents)
    return (len(agents), leaders) == (
        context.plan.agents * PROCESSES,
        context.plan.agents * LEADERS,
    )


def _table(context: Context, endings: list[tuple[Way, list[Ending]]]) -> Table:
    count = context.plan.agents
    return Table(
        title=f"Ending {count} agents with {PROCESSES} processes each",
        columns=(
            Column(name="way"),
            Column(name="n", digits=0),
            Column(name="agents gone p50", unit="ms", digits=0),
            Column(name="slowest", unit="ms", digits=0),
            Column(name="all gone p50", unit="ms", digits=0),
            Column(name="slowest", unit="ms", digits=0),
            Column(name="left p50", unit=f"of {count * PROCESSES}", digits=0),
            Column(name="most left", digits=0),
        ),
        rows=tuple(_row(one, listed) for one, listed in endings),
        notes=(
            "Each agent: a leader, a child in its group, and a child in a session of its own.",
            (
                "Counted from outside, by pidfd, from the sign to end until the last process is "
                "gone; where some stay, until the last one that goes."
            ),
            "All: also server, nursery and keepers, which bare Popen does not have.",
            f"Left: still there {QUIET:.0f} s after the last end; ended by the benchmark then.",
        ),
    )


def _row(one: Way, endings: list[Ending]) -> tuple[Cell, ...]:
    agents = [ending.agents_ms for ending in endings]
    house = [ending.house_ms for ending in endings if ending.house_ms is not None]
    left = [ending.left for ending in endings]
    whole = len(house) == len(endings)
    return (
        one.name,
        len(endings),
        median(agents),
        max(agents),
        median(house) if whole else None,
        max(house) if whole else None,
        median(left),
        max(left),
    )


def _once(skipped: tuple[Skipped, ...]) -> tuple[Skipped, ...]:
    return tuple(dict.fromkeys(skipped))
