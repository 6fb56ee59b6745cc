"""Idling: what agents cost that run while nothing happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psutil

from benchmarks import census
from benchmarks.contenders.library import TRIO, LibraryContender
from benchmarks.contenders.mcp import McpContender
from benchmarks.contenders.tmux import TmuxContender
from benchmarks.errors import BrokenError
from benchmarks.figures import median
from benchmarks.model import Column, PartResult, Table, Target
from benchmarks.vitals import read_vitals

from .base import no_linux, present

if TYPE_CHECKING:
    from typing import Protocol

    from benchmarks.contenders.base import Contender, Resident, Session
    from benchmarks.model import Cell, Verdict
    from benchmarks.vitals import Vitals

    from .base import Context

    class _ResidentSession(Session, Resident, Protocol):
        """One that launches, and stays."""


#: Seconds that a house gets to come to rest after its last launch.
REST: Final = 1.0

_MB = 1_000_000
_KEEPERS = "keepers"

#: The one house that is a server alone.
TMUX: Final = "tmux"

_ALL: Final[tuple[Contender[_ResidentSession], ...]] = (
    LibraryContender(),
    TRIO,
    McpContender(),
    TmuxContender(),
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

    @property
    def pss(self) -> list[float]:
        """Memory of each, in MB."""
        return [one.pss / _MB for one in self.after]


@dataclass(frozen=True, slots=True)
class Idle:
    """See the module."""

    name: str = "idle"
    summary: str = "agents that run while nothing happens: wake-ups, CPU, memory, descriptors"

    def missing(self) -> str | None:
        """Only Linux counts all of it."""
        return no_linux()

    def measure(self, context: Context) -> PartResult:
        """Watch one house after the other."""
        contenders, skipped = present(_ALL)
        context.steps.begin("idle", len(contenders))
        found: list[Rest] = []
        for contender in contenders:
            found.extend(_watch(contender, context))
            context.steps.advance()

        return PartResult(
            name=self.name,
            tables=(_table(context, found),),
            verdicts=judge(found),
            skipped=skipped,
        )


def judge(found: list[Rest]) -> tuple[Verdict, ...]:
    """Compare the library and the MCP server with the targets."""
    verdicts: list[Verdict] = []
    for key, name in (("library", "library"), ("mcp", "MCP server")):
        of_house = [one for one in found if one.house == key]
        keepers = next((one for one in of_house if one.role == _KEEPERS), None)
        woken = Target(
            name=f"wake-ups at idle, {name} with nursery and keepers",
            bound="at most",
            limit=0,
            unit="per s",
        )
        memory = Target(
            name=f"PSS of a keeper under the {name}, p50", bound="at most", limit=1.5, unit="MB"
        )
        verdicts += (
            woken.judge(sum(one.wakeups for one in of_house) if of_house else None),
            memory.judge(median(keepers.pss) if keepers is not None else None),
        )

    return tuple(verdicts)


def _watch(contender: Contender[_ResidentSession], context: Context) -> list[Rest]:
    plan = context.plan
    with contender.open(context.ground, context.ground.program("stays")) as session:
        session.launch(plan.idlers, together=True)
        census.pause(REST)
        alone = contender.key == TMUX
        roles = {"server": [session.root]} if alone else _roles(session.root, context)
        if not alone and len(roles.get(_KEEPERS, [])) != plan.idlers:
            raise BrokenError(f"{contender.name}: {plan.idlers} agents, but {roles}")

        try:
            before = {role: tuple(map(read_vitals, pids)) for role, pids in roles.items()}
            census.pause(plan.idle_seconds)
            after = {role: tuple(map(read_vitals, pids)) for role, pids in roles.items()}
        except OSError as error:
            raise BrokenError(f"{contender.name}: one of {roles} is gone: {error}") from error

        session.clear()

    return [
        Rest(
            house=contender.key,
            name=contender.name,
            role=role,
            seconds=plan.idle_seconds,
            before=before[role],
            after=after[role],
        )
        for role in roles
    ]


def _roles(root: int, context: Context) -> dict[str, list[int]]:
    """Say who is what, by where it stands below the server; agents themselves are left out."""
    agents = {one.pid for one in context.ground.agents()}
    roles = {"server": [root]}
    for nursery in psutil.Process(root).children():
        if nursery.pid in agents or not census.leads_session(nursery):
            continue

        roles.setdefault("nursery", []).append(nursery.pid)
        for keeper in nursery.children():
            busy = any(child.pid in agents for child in keeper.children())
            roles.setdefault(_KEEPERS if busy else "spare", []).append(keeper.pid)

    return roles


def _table(context: Context, found: list[Rest]) -> Table:
    plan = context.plan
    return Table(
        title=f"{plan.idlers} agents that do nothing, watched for {plan.idle_seconds:g} s",
        columns=(
            Column(name="house"),
            Column(name="who"),
            Column(name="processes", digits=0),
            Column(name="wake-ups", unit="/s"),
            Column(name="CPU", unit="ms/s", digits=3),
            Column(name="PSS p50", unit="MB"),
            Column(name="PSS max", unit="MB"),
            Column(name="PSS all", unit="MB"),
            Column(name="fds p50", digits=0),
            Column(name="threads p50", digits=0),
        ),
        rows=tuple(_row(one) for one in found),
        notes=(
            "Wake-ups (voluntary context switches) and CPU: of all processes of the line together.",
            "p50, max: over the processes of the line.",
            "PSS: resident memory, shared pages divided by those who share them; 1 MB = 10⁶ bytes.",
        ),
    )


def _row(rest: Rest) -> tuple[Cell, ...]:
    return (
        rest.name,
        rest.role,
        len(rest.after),
        rest.wakeups,
        rest.cpu,
        median(rest.pss),
        max(rest.pss),
        sum(rest.pss),
        median([one.descriptors for one in rest.after]),
        median([one.threads for one in rest.after]),
    )
