"""From the evidence to the answer: is an agent working?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orchestrator.model.activity import one_line
from orchestrator.model.states import Exited, Frozen, Lost, Running, Starting, Stopping

if TYPE_CHECKING:
    from orchestrator.model.activity import Activity, OpenToolCall, ProcessUse, WorkVerdict
    from orchestrator.model.states import AgentState

#: The share of one CPU that counts as work. A CLI that waits for its model uses 0.01, measured
#: with claude 2.1.
NOTICEABLE_SHARE: Final = 0.05

#: CPU seconds since the former look that count as work. The kernel counts in hundredths, so in a
#: short time one of them is a large share.
NOTICEABLE_S: Final = 0.02

#: Seconds after which the former look says nothing any more about what an agent does now.
STALE_S: Final = 60.0

#: Seconds within which output, or the launch, counts as just now.
RECENT_S: Final = 10.0

#: Seconds that the writing of a call itself may take: what comes later is other output.
_CALL_S: Final = 1.0

#: Characters of a reason that others gave, and calls and processes that are named.
_REASON_MAX: Final = 200
_NAMED: Final = 2

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE

_STOPPED: Final = frozenset({"stopped", "traced"})


def judge_activity(
    state: AgentState,
    seen: Activity,
    *,
    kept: bool = True,
    tells_calls: bool = False,
    apart_s: float | None = None,
) -> tuple[WorkVerdict, str]:
    """Say whether an agent is working, and why, from what was seen of it.

    The first rule that fits counts:

    1. It is being started: ``unknown``. It has ended: ``ended``.
    2. Its keeper has ended, so that nobody can say what is its own: ``unknown``.
    3. It was frozen: ``frozen``. It is being stopped: ``waiting``; ``ended`` when only what it
       left behind is there.
    4. It used CPU since the former look, `NOTICEABLE_SHARE` and `NOTICEABLE_S` at least:
       ``working``. Without a former look, or with one older than `STALE_S`, a process that is
       running at this moment stands for that.
    5. All of its processes are stopped by a signal: ``frozen``.
    6. It wrote within `RECENT_S`, and not the call of a tool that is still open: ``working``.
    7. A tool call is open, or a process is held in the kernel, or there is a child process that
       sleeps: ``waiting``. Of an agent whose CLI tells its calls only children in sessions of
       their own count: those in its own are its helpers, such as MCP servers.
    8. It was launched within `RECENT_S`, or not all of its processes were measured: ``unknown``.
    9. All else is ``idle``. A CLI that waits for its model, which may take minutes, cannot be
       told from one that is stuck: the sentence says so, and leaves it to the reader.

    Args:
        state: The agent's state.
        seen: The evidence; its verdict and its sentence are not looked at.
        kept: Its keeper lives.
        tells_calls: Its provider reads the open tool calls of its CLI.
        apart_s: Seconds since the former look, where there was one.
    """
    judged: tuple[WorkVerdict, str]
    match state:
        case Starting():
            judged = "unknown", "it is being started"
        case Exited(outcome=outcome):
            judged = "ended", f"it has ended: {outcome.exit}, {outcome.verdict}"
        case Lost(reason=reason):
            judged = "ended", f"it was lost: {one_line(reason, _REASON_MAX)}"
        case _ if not kept:
            judged = "unknown", "its keeper has ended, and nobody has recorded yet how it ended"
        case Frozen(since=since):
            span = ago((seen.at - since).total_seconds())
            judged = (
                "frozen",
                f"all of its processes have stood still for {span}, until it is thawed",
            )
        case Stopping(exit=how) if how is not None:
            judged = "ended", f"it has ended: {how}; what it left behind is being ended"
        case Stopping(reason=reason):
            judged = "waiting", f"it is being stopped: {one_line(reason, _REASON_MAX)}"
        case Running(leader=leader):
            judged = (
                _at_work(seen, apart_s)
                or _waiting(seen, leader=leader.pid, tells_calls=tells_calls)
                or _nothing(seen, tells_calls=tells_calls)
            )

    return judged


def _at_work(seen: Activity, apart_s: float | None) -> tuple[WorkVerdict, str] | None:
    running = [one for one in seen.processes if one.state == "running"]
    calls = f"; open: {_calls(seen)}" if seen.open_tool_calls else ""
    if seen.cpu_share is None or apart_s is None or apart_s > STALE_S:
        if running:
            return "working", f"{_named(running)} is running on a CPU at this moment{calls}"

    elif seen.cpu_share >= NOTICEABLE_SHARE and seen.cpu_share * apart_s >= NOTICEABLE_S:
        share = f"{seen.cpu_share:.2f} CPUs over the last {ago(apart_s)}"
        return "working", f"it used {share}{calls}"

    stopped = all(one.state in _STOPPED for one in seen.processes)
    if seen.processes and seen.complete and stopped:
        return (
            "frozen",
            "a signal has stopped all of its processes, and not a freeze: SIGCONT continues them",
        )

    if seen.last_output_at is not None and seen.quiet_s <= RECENT_S and not _wrote_only_call(seen):
        return "working", f"it wrote {ago(seen.quiet_s)} ago{calls}"

    return None


def _wrote_only_call(seen: Activity) -> bool:
    """Whether nothing was written since the call of a tool that is still open."""
    opened = [call.since for call in seen.open_tool_calls if call.since is not None]
    if not opened or seen.last_output_at is None:
        return False

    return (seen.last_output_at - max(opened)).total_seconds() <= _CALL_S


def _waiting(seen: Activity, *, leader: int, tells_calls: bool) -> tuple[WorkVerdict, str] | None:
    quiet = f"{_cpu(seen)}, and it wrote nothing for {ago(seen.quiet_s)}"
    if seen.open_tool_calls:
        return "waiting", f"it waits for {_calls(seen)}; {quiet}"

    held = [one for one in seen.processes if one.state == "disk-sleep"]
    if held:
        return "waiting", f"{_named(held)} is held in the kernel, by a disk or a network; {quiet}"

    children = [
        one
        for one in seen.processes
        if one.pid != leader and not (tells_calls and one.session == leader)
    ]
    if children:
        return "waiting", f"it seems to wait for what it started: {_named(children)}; {quiet}"

    return None


def _nothing(seen: Activity, *, tells_calls: bool) -> tuple[WorkVerdict, str]:
    if not seen.complete:
        return (
            "unknown",
            f"not all of its processes could be measured; it wrote nothing for {ago(seen.quiet_s)}",
        )

    if seen.last_output_at is None and seen.quiet_s <= RECENT_S:
        return (
            "unknown",
            f"it was launched {ago(seen.quiet_s)} ago; nothing is to be seen of it yet",
        )

    has = "no tool call is open" if tells_calls else "it has no child process"
    waits = (
        "it waits for its model, or it is stuck"
        if tells_calls
        else "it sleeps, waits for something outside, or is stuck"
    )
    return "idle", f"{waits}: {has}, {_cpu(seen)}, and it wrote nothing for {ago(seen.quiet_s)}"


def _cpu(seen: Activity) -> str:
    if seen.cpu_share is None:
        return "no process of it was running when it was looked at"

    return f"it used {seen.cpu_share:.2f} CPUs since the former look"


def _calls(seen: Activity) -> str:
    calls = seen.open_tool_calls
    more = f" and {len(calls) - _NAMED} more" if len(calls) > _NAMED else ""
    return ", ".join(_call(call, seen) for call in calls[:_NAMED]) + more


def _call(call: OpenToolCall, seen: Activity) -> str:
    span = f", for at least {ago((seen.at - call.since).total_seconds())}" if call.since else ""
    return f"its tool {call.name}{f' ({call.what})' if call.what else ''}{span}"


def _named(processes: list[ProcessUse]) -> str:
    names = ", ".join(f"{one_line(one.name, 40)} {one.pid}" for one in processes[:_NAMED])
    return f"{names} and {len(processes) - _NAMED} more" if len(processes) > _NAMED else names


def ago(seconds: float) -> str:
    """Say a duration in a sentence: ``0.4 s``, ``42 s``, ``3 min``, ``2.5 h``."""
    if seconds < 10:  # noqa: PLR2004  tenths are of interest in a single digit only
        return f"{max(seconds, 0):.1f} s"

    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"

    return f"{seconds / _MINUTE:.0f} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.1f} h"
