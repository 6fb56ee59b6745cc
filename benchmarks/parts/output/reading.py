"""Reading a long log over MCP: how long, with how much memory, and who waits meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import psutil

from benchmarks import census
from benchmarks.contenders.client import content, of_server, open_client
from benchmarks.errors import BrokenError
from benchmarks.figures import median, quantile
from benchmarks.model import Column, Sample, Table
from benchmarks.vitals import read_peak, reset_peak

from .tap import empty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.contenders.client import McpClient
    from benchmarks.parts.base import Context

    from .tap import Tap

#: What is asked of the log; one line of each MiB tells of an error.
QUERIES: Final[dict[str, dict[str, Any]]] = {
    "tail=100": {"tail": 100},
    "filter='\"error\"', tail=10": {"filter": '"error"', "tail": 10},
    "filter that matches nothing": {"filter": "no such (word|thing)", "tail": 10},
}

#: Status calls on which others are measured while the server does nothing else.
ALONE: Final = 20

_OUTPUT: Final = "get_agent_output"
_STATUS: Final = "get_real_task_status"
_APART: Final = 0.02
_LOOK: Final = 0.005
_MB: Final = 1e6
_MS_PER_S: Final = 1000.0
_LATE: Final = 0.99


@dataclass(slots=True, kw_only=True)
class Reading:
    """What one query took, over all rounds.

    Attributes:
        name: The query.
        times: Milliseconds of each call.
        peaks: Bytes that the server had resident at most.
        searchers: The same of the process that it starts to search.
        status: Milliseconds of status calls meanwhile.
        unread: Bytes of the log that each call did not get to.
    """

    name: str
    times: list[float] = field(default_factory=list[float])
    peaks: list[int] = field(default_factory=list[int])
    searchers: list[int] = field(default_factory=list[int])
    status: list[float] = field(default_factory=list[float])
    unread: list[int] = field(default_factory=list[int])


def measure_reading(context: Context, tap: Tap) -> tuple[Table, tuple[Sample, ...]]:
    """Have an agent of a server write a log, and read it in each way.

    Returns:
        What it took, and every single value of it.
    """
    mib, rounds = context.plan.poured, context.plan.reads
    readings = [Reading(name=name) for name in QUERIES]
    alone: list[float] = []
    context.steps.begin("output, get_agent_output", rounds * len(readings))
    with open_client(context.ground, of_server(context.ground.new_folder(), tap.program)) as client:
        task, agent = _deploy(client)
        writer = tap.accept()
        writer.write(mib)
        asked = {"task_id": task, "agent_id": agent, "include_metadata": True}
        for _ in range(rounds):
            alone += _ask_alone(client, task)
            for reading in readings:
                _read(client, reading, {**asked, **QUERIES[reading.name]}, task)
                context.steps.advance()

        empty(writer.output)

    return _table(readings, alone, mib), samples(readings, alone)


def _deploy(client: McpClient) -> tuple[str, str]:
    _, task = client.call("create_real_task", description="a long log")
    _, agent = client.call(
        "deploy_headless_agent", task_id=task["task_id"], agent_type="agent", prompt="write"
    )
    return task["task_id"], agent["agent_id"]


def _ask_alone(client: McpClient, task: str) -> list[float]:
    times: list[float] = []
    for _ in range(ALONE):
        took, _ = client.call(_STATUS, task_id=task)
        times.append(took)
        census.pause(_APART)

    return times


def _read(client: McpClient, reading: Reading, arguments: dict[str, Any], task: str) -> None:
    """Read once, and ask for the status again and again until that is answered."""
    server = client.process.pid
    reset_peak(server)
    searchers: dict[int, int] = {}
    began = time.perf_counter()
    [wanted] = client.begin(_OUTPUT, [arguments])
    status, asked, due = None, began, began
    while True:
        if status is None and time.perf_counter() >= due:
            asked = time.perf_counter()
            [status] = client.begin(_STATUS, [{"task_id": task}])

        _look(server, searchers)
        if not client.ready(_LOOK):
            continue

        answer = client.answer()
        if answer.id == wanted:
            break

        if answer.id != status:
            raise BrokenError(f"the server answered {answer.id} when asked {wanted} and {status}")

        reading.status.append((answer.at - asked) * _MS_PER_S)
        status, due = None, answer.at + _APART

    reading.times.append((answer.at - began) * _MS_PER_S)
    reading.peaks.append(read_peak(server))
    reading.searchers.append(max(searchers.values(), default=0))
    reading.unread.append(_unread(content(_OUTPUT, answer)))
    if status is not None:
        late = client.answer()
        reading.status.append((late.at - asked) * _MS_PER_S)


def _unread(said: dict[str, Any]) -> int:
    omitted = said["metadata"].get("omission")
    return 0 if omitted is None else omitted["omitted_bytes"]


def _look(server: int, searchers: dict[int, int]) -> None:
    """Note the memory of the processes that search for the server."""
    for child in psutil.Process(server).children():
        try:
            if any(word.endswith("scan.py") for word in child.cmdline()):
                searchers[child.pid] = read_peak(child.pid)
        except (OSError, psutil.Error):
            # It is done: what was seen last stays.
            continue


def samples(readings: Sequence[Reading], alone: Sequence[float]) -> tuple[Sample, ...]:
    """Return every single value.

    Args:
        readings: Of each query.
        alone: Milliseconds of status calls while the server does nothing else.
    """

    def sample(what: str, who: str, unit: str, values: Sequence[float]) -> Sample:
        return Sample(what=f"reading, {what}", who=who, unit=unit, values=tuple(values))

    return (
        sample("status calls", "alone", "ms", alone),
        *(
            sample(what, one.name, unit, values)
            for one in readings
            for what, unit, values in (
                ("call", "ms", one.times),
                ("server's peak", "bytes", one.peaks),
                ("searcher's peak", "bytes", one.searchers),
                ("not searched", "bytes", one.unread),
                ("status calls", "ms", one.status),
            )
        ),
    )


def _table(readings: Sequence[Reading], alone: Sequence[float], mib: int) -> Table:
    return Table(
        title=f"get_agent_output of a log of {mib:,} MiB",
        columns=(
            Column(name="query"),
            Column(name="n", digits=0),
            Column(name="p50", unit="ms", digits=1),
            Column(name="slowest", unit="ms", digits=1),
            Column(name="server's peak", unit="MB", digits=1),
            Column(name="searcher's peak", unit="MB", digits=1),
            Column(name="not searched", unit="MB", digits=0),
            Column(name="status p50", unit="ms", digits=1),
            Column(name="status p99", unit="ms", digits=1),
        ),
        rows=(
            ("nothing, status calls alone", *(None,) * 6, median(alone), quantile(alone, _LATE)),
            *(_row(one) for one in readings),
        ),
        notes=(
            (
                "Peak: resident memory, of the server as a whole, and of the process that searches "
                "for it, where that lives long enough to be looked at."
            ),
            (
                "A search ends after 5 s; the answer says how much of the log it has not seen. "
                "Status: get_real_task_status, asked while the server reads, again 20 ms after "
                "each answer."
            ),
        ),
    )


def _row(one: Reading) -> tuple[float | int | str | None, ...]:
    searcher = max(one.searchers)
    return (
        one.name,
        len(one.times),
        median(one.times),
        max(one.times),
        max(one.peaks) / _MB,
        searcher / _MB if searcher else None,
        max(one.unread) / _MB,
        median(one.status),
        quantile(one.status, _LATE),
    )
