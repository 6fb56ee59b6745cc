"""Status calls over MCP, by how many agents the task has."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from benchmarks.charts import Axis, Line, Lines
from benchmarks.contenders.client import of_server, open_client
from benchmarks.contenders.lines import LineChild
from benchmarks.errors import BrokenError
from benchmarks.figures import median, noise, quantile, ratio, typical
from benchmarks.model import Column, PartResult, Round, Sample, Table, Target
from benchmarks.rounds import Entrant, take_turns

from .tables import of_kind, points

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from benchmarks.contenders.client import McpClient
    from benchmarks.ground import Ground
    from benchmarks.model import Series, Verdict
    from benchmarks.parts.base import Context

#: Agents of a task: ended ones, that are on record only, and live ones.
ENDED: Final = (1, 40, 1000)
LIVE: Final = (1, 40)

#: Calls in one turn.
CALLS: Final = 3

TITLE: Final = "get_real_task_status over MCP"

_TOOL: Final = "get_real_task_status"
_RECORDED: Final = "ended"
_RUNNING: Final = "live"
_KB: Final = 1000.0
_LATE: Final = 0.99

_STATUS = Target(
    name=f"status call p50, task of {ENDED[-1]:,} agents ÷ task of {ENDED[0]}",
    bound="at most",
    limit=5,
    unit="times",
)


class _Task:
    """A task of one server, whose status is asked for.

    Attributes:
        size: Bytes of the last answer.
    """

    def __init__(self, client: McpClient, task_id: str, agents: int) -> None:
        self.size = 0
        self._client = client
        self._task_id = task_id
        self._agents = agents

    def turn(self) -> Round:
        times = tuple(self._ask() for _ in range(CALLS))
        return Round(times=times, wall=sum(times))

    def _ask(self) -> float:
        took, said, self.size = self._client.call_sized(_TOOL, task_id=self._task_id)
        listed = len(said["agents"]["agents_list"])
        if listed != self._agents:
            raise BrokenError(f"a task of {self._agents} agents is said to have {listed}")

        return took


def measure_status(context: Context) -> PartResult:
    """Measure status calls; the result is a piece of the part's."""
    with _tasks(context.ground) as entrants:
        series = take_turns(
            entrants,
            _Task.turn,
            rounds=context.plan.status_rounds,
            what="registry, status calls",
            steps=context.steps,
        )
        sizes = [entrant.session.size for entrant in entrants]

    return PartResult(
        name="status",
        tables=(_table(series, sizes),),
        verdicts=judge_status(series),
        series={TITLE: series},
        samples=tuple(
            Sample(what="status answer", who=one.key, unit="bytes", values=(size,))
            for one, size in zip(series, sizes, strict=True)
        ),
        charts=(_chart(series),),
    )


def judge_status(series: Sequence[Series]) -> tuple[Verdict, ...]:
    """Compare the call for the most agents with that for one."""
    ended = of_kind(series, _RECORDED)
    found = ratio(ended[-1], ended[0], typical)
    return (
        _STATUS.judge(
            found.value, detail=f"half of the rounds: {found.low:.1f} to {found.high:.1f}"
        ),
    )


@contextmanager
def _tasks(ground: Ground) -> Generator[list[Entrant[_Task]]]:
    """Open a server whose workspace has all the tasks."""
    workspace = ground.new_folder(on_disk=True)
    recorded = _record(ground, workspace)
    with open_client(ground, of_server(workspace, ground.program("stays"))) as client:
        entrants = [
            Entrant(f"{_RECORDED}-{count}", f"{count:,} ended", _Task(client, task_id, count))
            for count, task_id in zip(ENDED, recorded, strict=True)
        ]
        for count in LIVE:
            task = _Task(client, _deploy(client, count), count)
            entrants.append(Entrant(f"{_RUNNING}-{count}", f"{count:,} live", task))

        for entrant in entrants:
            entrant.session.turn()

        yield entrants


def _record(ground: Ground, workspace: Path) -> list[str]:
    """Put tasks with ended agents on record; returns their ids."""
    argv = [sys.executable, "-m", "benchmarks.workers.registry", "fill", str(workspace)]
    child = LineChild(ground, [*argv, *map(str, ENDED)], environment={}, name="the records")
    try:
        return child.receive()["tasks"]
    finally:
        child.close()


def _deploy(client: McpClient, count: int) -> str:
    """Deploy agents that stay; returns the id of their task."""
    _, task = client.call("create_real_task", description="status calls")
    for _ in range(count):
        client.call(
            "deploy_headless_agent", task_id=task["task_id"], agent_type="agent", prompt="wait"
        )

    return task["task_id"]


def _table(series: Sequence[Series], sizes: Sequence[int]) -> Table:
    return Table(
        title=TITLE,
        columns=(
            Column(name="agents of the task"),
            Column(name="n", digits=0),
            Column(name="p50", unit="ms"),
            Column(name="p99", unit="ms"),
            Column(name="noise", unit="±%", digits=0),
            Column(name="p50 ÷ 1 ended", digits=1),
            Column(name="answer", unit="kB", digits=1),
        ),
        rows=tuple(
            (
                one.name,
                len(one.times),
                median(one.times),
                quantile(one.times, _LATE),
                noise(one),
                ratio(one, series[0], typical).value,
                size / _KB,
            )
            for one, size in zip(series, sizes, strict=True)
        ),
        notes=(
            "From before the request is written until the last byte of the answer is read.",
            (
                "Ended agents are on record only. At live ones the server looks itself, at most "
                f"once a second: of {CALLS} calls in a row one looks, if any."
            ),
        ),
    )


def _chart(series: Sequence[Series]) -> Lines:
    kinds = ((_RECORDED, "ended agents, on record"), (_RUNNING, "live agents"))
    return Lines(
        key="registry-status",
        title=TITLE,
        x=Axis(label="agents of the task", log=True),
        y=Axis(label="status call, p50", unit="ms", log=True),
        lines=tuple(
            Line(
                name=name,
                points=points(of_kind(series, kind), lambda one: median(one.times)),
                ours=True,
            )
            for kind, name in kinds
        ),
    )
