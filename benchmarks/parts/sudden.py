"""Sudden ends: the orchestrator gets SIGKILL beside hostile agents, and beside durable ones."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks import census
from benchmarks.contenders.lines import LineChild
from benchmarks.errors import BrokenError
from benchmarks.figures import median, quantile
from benchmarks.model import Column, PartResult, Sample, Table, Target
from orchestrator.model import StopPolicy

from .base import no_linux

if TYPE_CHECKING:
    from collections.abc import Generator

    from .base import Context

#: Agents, and processes of each, half of which lead sessions; all ignore what can be ignored.
AGENTS: Final = 10
PROCESSES: Final = 30

#: Durable agents that are adopted.
DURABLE: Final = 20

#: Seconds that agents may take to start their processes, and to be gone after the last end.
SETTLE_LIMIT: Final = 60.0
QUIET: Final = 5.0

_GRACE: Final = StopPolicy().term_grace
_MS_PER_S: Final = 1000.0
_LATE: Final = 0.99

_BEYOND = Target(
    name="hostile agents gone after SIGKILL of their orchestrator, p99 beyond the grace",
    bound="at most",
    limit=100,
    unit="ms",
)
_LEFT = Target(name="processes left then", bound="at most", limit=0, unit="processes")
_ADOPTED = Target(
    name=f"{DURABLE} durable agents adopted after opening, slowest run",
    bound="at most",
    limit=0.5,
    unit="s",
)


@dataclass(frozen=True, slots=True)
class Sudden:
    """See the module."""

    name: str = "sudden"
    summary: str = "SIGKILL of the orchestrator: hostile agents gone, durable ones adopted"

    def missing(self) -> str | None:
        """Only Linux tells from outside when the last one is gone."""
        return no_linux()

    def measure(self, context: Context) -> PartResult:
        """Kill several orchestrators of both kinds."""
        times = context.plan.stops
        context.steps.begin("sudden", 2 * times)
        beyond: list[float] = []
        left: list[int] = []
        adopted: list[float] = []
        for _ in range(times):
            late, stayed = _kill_beside_hostile_agents(context)
            beyond += late
            left.append(stayed)
            context.steps.advance()
            adopted.append(_adopt(context))
            context.steps.advance()

        return PartResult(
            name=self.name,
            tables=(_table(beyond, sum(left), adopted),),
            verdicts=(
                _BEYOND.judge(quantile(beyond, _LATE), detail=f"{len(beyond)} agents"),
                _LEFT.judge(sum(left)),
                _ADOPTED.judge(max(adopted) / _MS_PER_S, detail=f"{len(adopted)} runs"),
            ),
            samples=(
                Sample(what="gone beyond the grace", who="agents", unit="ms", values=tuple(beyond)),
                Sample(what="left", who="runs", unit="processes", values=tuple(left)),
                Sample(what="all adopted", who="runs", unit="ms", values=tuple(adopted)),
            ),
        )


def _kill_beside_hostile_agents(context: Context) -> tuple[list[float], int]:
    """Return by how many milliseconds each agent outlived its grace, and how many stayed."""
    ground = context.ground
    with _worker(context, "launch", "hostile", AGENTS, "bound") as (child, answer):
        if not census.wait_until(partial(_is_complete, context), within=SETTLE_LIMIT):
            raise BrokenError(f"not all of {AGENTS} agents have their {PROCESSES} processes")

        trees = [census.tree(pid) for pid in answer["pid"]]
        with census.Watch(pid for tree in trees for pid in tree) as watch:
            began = time.perf_counter()
            child.kill()
            watch.wait(quiet=_GRACE + QUIET)
            left = set(watch.left)
            # A tree of which somebody stays has no end.
            ended = [
                max(watch.ended[pid] for pid in tree) for tree in trees if not left & set(tree)
            ]

        census.end(one for one in ground.agents() if one.pid in left)

    ground.reap()
    return [(end - began - _GRACE) * _MS_PER_S for end in ended], len(left)


def _adopt(context: Context) -> float:
    """Return how many milliseconds after opening all durable agents were adopted."""
    with _worker(context, "launch", "stays", DURABLE, "durable") as (child, _):
        child.kill()
        argv = [sys.executable, "-m", "benchmarks.workers.sudden", "adopt"]
        argv += [str(child.folder), str(DURABLE)]
        adopter = LineChild(context.ground, argv, environment={}, name="the next orchestrator")
        try:
            answer = adopter.receive()
        finally:
            adopter.close()

    context.ground.reap()
    if set(answer["states"]) != {"running"} or set(answer["verdicts"]) != {"terminated"}:
        raise BrokenError(f"adopted agents were not as they should be: {answer}")

    return float(answer["ms"])


class _Launcher(LineChild):
    """A worker that launches, and the folder of its workspace."""

    folder: str = ""


@contextmanager
def _worker(
    context: Context, do: str, program: str, count: int, kind: str
) -> Generator[tuple[_Launcher, dict[str, list[int]]]]:
    ground = context.ground
    folder = str(ground.new_folder())
    argv = [sys.executable, "-m", "benchmarks.workers.sudden", do, folder]
    argv += [str(ground.program(program)), str(count), kind]
    child = _Launcher(ground, argv, environment={}, name="the orchestrator")
    child.folder = folder
    try:
        yield child, child.receive()
    finally:
        child.close()


def _is_complete(context: Context) -> bool:
    agents = context.ground.agents()
    leaders = sum(census.leads_session(one) for one in agents)
    return (len(agents), leaders) == (AGENTS * PROCESSES, AGENTS * PROCESSES // 2)


def _table(beyond: list[float], left: int, adopted: list[float]) -> Table:
    return Table(
        title="After SIGKILL of the orchestrator",
        columns=(
            Column(name="what"),
            Column(name="n", digits=0),
            Column(name="p50", unit="ms", digits=1),
            Column(name="p99", unit="ms", digits=1),
            Column(name="slowest", unit="ms", digits=1),
            Column(name="left", unit="processes", digits=0),
        ),
        rows=(
            (
                f"agent of {PROCESSES} hostile processes gone, beyond its grace",
                *_figures(beyond),
                left,
            ),
            (f"{DURABLE} durable agents adopted by the next one", *_figures(adopted), None),
        ),
        notes=(
            (
                f"{AGENTS} agents at a time; all their processes ignore SIGTERM, SIGINT and "
                f"SIGHUP, and half of them lead sessions. The grace is {_GRACE} s."
            ),
            "Counted from outside, by pidfd, from the SIGKILL until the agent's last process ends.",
            "Adoption: from entering the block until the last agent is under control again.",
        ),
    )


def _figures(times: list[float]) -> tuple[int, float, float, float]:
    return len(times), median(times), quantile(times, _LATE), max(times)
