"""What scale has found, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.figures import median, quantile
from benchmarks.model import Column, Table

from .houses import NAMES, TAIL
from .levels import KEEPERS, NURSERY, QUIET, SERVER
from .verdicts import LATE, share, speed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.model import Cell

    from .levels import Level

_MB: Final = 1_000_000
_QUITE_LATE: Final = 0.95


def times_table(levels: Sequence[Level]) -> Table:
    """Lay out what takes time."""
    return Table(
        title="Beside so many live agents",
        columns=(
            Column(name="house"),
            Column(name="agents", digits=0),
            Column(name="launch p50", unit="ms"),
            Column(name="p95", unit="ms"),
            Column(name="÷ Popen", digits=1),
            Column(name="stop p50", unit="ms"),
            Column(name="÷ Popen", digits=1),
            Column(name="status p50", unit="ms"),
            Column(name="after a rest", unit="ms"),
            Column(name="of one", unit="ms"),
            Column(name="launch of all", unit="ms", digits=0),
            Column(name="end of all", unit="ms", digits=0),
            Column(name="left", digits=0),
        ),
        rows=tuple(_times(level) for level in levels),
        notes=(
            (
                "Launch, stop: of one more agent, which is stopped politely; Popen is "
                "`subprocess.Popen` and SIGTERM of the same program, in the same turns."
            ),
            (
                "Status: `get_real_task_status` for the task that has all agents, many calls in a "
                "row; after a rest of a second, when the server looks at every agent; and for a "
                "task with one agent, beside all others."
            ),
            (
                "Launch of all: 20 at a time, until the last one is said to run. Both it and the "
                "end of all, p50, were done once for each orchestrator: "
                f"{_times_done(levels)}."
            ),
            (
                "End of all: from end of input until the last process is gone, agents, keepers, "
                "nursery and server; seen from outside by pidfd."
            ),
            f"Left: still there {QUIET:.0f} s after the last end; ended by the benchmark then.",
        ),
    )


def _times(level: Level) -> tuple[Cell, ...]:
    floor_launch = median([one.launch for one in level.floor])
    floor_stop = median([one.stop for one in level.floor])
    return (
        NAMES[level.house],
        level.agents,
        level.launch,
        quantile([one.launch for one in level.probes], _QUITE_LATE),
        level.launch / floor_launch,
        level.stop,
        level.stop / floor_stop,
        *(median(times) if times else None for times in (level.whole, level.rested, level.alone)),
        level.filled,
        level.ended,
        level.left,
    )


def _times_done(levels: Sequence[Level]) -> str:
    """Say how many orchestrators had so many agents."""
    done = {level.agents: len(level.ends) for level in levels}
    return ", ".join(f"{count} of {agents:,}" for agents, count in done.items())


def beside_table(levels: Sequence[Level]) -> Table:
    """Lay out what other work costs meanwhile."""
    mib = levels[0].beside.mib if levels else 0
    return Table(
        title="The registry and one agent's output, beside so many live agents",
        columns=(
            Column(name="house"),
            Column(name="agents", digits=0),
            Column(name="changes", digits=0),
            Column(name="change p50", unit="ms", digits=3),
            Column(name="p99", unit="ms", digits=3),
            Column(name="p50 ÷ sqlite3", digits=1),
            Column(name="output p50", unit="MB/s", digits=0),
            Column(name="÷ floor"),
            Column(name="its CPU", unit="ms"),
            Column(name=f"last {TAIL} lines p50", unit="ms"),
        ),
        rows=tuple(_beside(level) for level in levels),
        notes=(
            (
                "Change: of the state of an agent in the orchestrator's own registry, in its own "
                "process; the agent is one more of its own, on record only, and lives four "
                "changes. sqlite3: one UPDATE of a bare table, in the same turns. Only the "
                "library can be asked for it."
            ),
            (
                f"Output: {mib} MiB from one more agent, from telling it until all is written. "
                "Floor: an agent of bare Popen with a file's descriptor, in the same turns. Its "
                "CPU: of orchestrator, nursery and this agent's keeper together meanwhile."
            ),
            (
                f"Last lines: `get_agent_output` with tail={TAIL} for this agent, whose log has "
                f"{mib} MiB then. All of these files are on the disk that the registry is on."
            ),
        ),
    )


def _beside(level: Level) -> tuple[Cell, ...]:
    beside = level.beside
    changes = (
        (
            len(beside.changes),
            median(beside.changes),
            quantile(beside.changes, LATE),
            median(beside.changes) / median(beside.bare),
        )
        if beside.changes
        else (0, None, None, None)
    )
    return (
        NAMES[level.house],
        level.agents,
        *changes,
        speed(level),
        share(level),
        median([one.cpu for one in beside.writings]),
        median(beside.tails) if beside.tails else None,
    )


def rest_table(levels: Sequence[Level]) -> Table:
    """Lay out what it costs while nothing happens."""
    seconds = levels[0].roles[SERVER].seconds if levels else 0.0
    return Table(
        title=f"While nothing happens, for {seconds:g} s",
        columns=(
            Column(name="house"),
            Column(name="agents", digits=0),
            Column(name="server PSS", unit="MB", digits=1),
            Column(name="nursery", unit="MB"),
            Column(name="keeper p50", unit="MB"),
            Column(name="all", unit="MB", digits=1),
            Column(name="all ÷ agents", unit="MB"),
            Column(name="server fds", digits=0),
            Column(name="nursery fds", digits=0),
            Column(name="threads", digits=0),
            Column(name="wake-ups", unit="/s"),
            Column(name="CPU", unit="ms/s", digits=3),
        ),
        rows=tuple(_rest(level) for level in levels),
        notes=(
            "All: server, nursery and keepers, without the agents themselves; 1 MB = 10⁶ bytes.",
            "Wake-ups and CPU: of all of them together. Threads: of the server.",
        ),
    )


def _rest(level: Level) -> tuple[Cell, ...]:
    server, nursery, keepers = (level.roles[role] for role in (SERVER, NURSERY, KEEPERS))
    whole = all_memory(level)
    return (
        NAMES[level.house],
        level.agents,
        server.pss / _MB,
        nursery.pss / _MB,
        median([one.pss / _MB for one in keepers.after]),
        whole,
        whole / level.agents,
        server.after[0].descriptors,
        sum(one.descriptors for one in nursery.after),
        server.after[0].threads,
        sum(role.wakeups for role in level.roles.values()),
        sum(role.cpu for role in level.roles.values()),
    )


def all_memory(level: Level) -> float:
    """Return the megabytes of server, nursery and keepers together."""
    return sum(role.pss for role in level.roles.values()) / _MB
