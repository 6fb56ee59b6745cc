"""Looking at an agent: is it working, and how is that known."""

from __future__ import annotations

import functools
import math
import os
import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from orchestrator.model.activity import LISTED_MAX, Activity
from orchestrator.model.states import Exited, Frozen, Running, Stopping
from orchestrator.process.identity import alive
from orchestrator.providers.base import ReadsToolCalls

from .judgement import judge_activity
from .usage import measure_tree, used_since

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.model import AgentRecord
    from orchestrator.model.activity import OpenToolCall, ProcessUse
    from orchestrator.providers import Provider

#: Seconds between two looks below which they say nothing about the CPU: the kernel counts in
#: hundredths.
APART_MIN: Final = 0.05


def measure(
    record: AgentRecord,
    providers: Mapping[str, Provider],
    before: Activity | None = None,
    *,
    listed: bool = True,
    until: float = math.inf,
) -> Activity:
    """Look at an agent, and judge what is seen by the rules of `judge_activity`.

    Blocks for a moment, a few tenths of a millisecond for each process: in async code, call it
    in a worker thread, or ask an `Observer`. Does not raise for what the agent does meanwhile.

    Args:
        record: The agent.
        providers: The agent CLIs by name; those that can are asked for open tool calls.
        before: The former look at this agent. Without one it cannot be said what CPU the agent
            uses now, only what it has used so far.
        listed: List the processes, with their open files; else only the sums are measured.
        until: When to stop measuring, by `time.monotonic`; what is missing is said in the answer.

    Returns:
        What was seen. CPU seconds never get less from one look to the next that is given it.
    """
    at = datetime.now(UTC)
    evidence: dict[str, Any] = {"at": at, **_output(record, at)}
    apart_s = None
    kept = True
    calls_known = False
    match record.state:
        case Running(keeper=keeper) | Frozen(keeper=keeper) | Stopping(keeper=keeper):
            used = measure_tree(keeper, open_files=listed, until=until)
            if used is not None:
                evidence |= {
                    "cpu_s": round(used.cpu_s, 3),
                    "rss_bytes": used.rss_bytes,
                    "process_count": used.count,
                    "processes": tuple(used.processes),
                    "complete": used.complete,
                }
                apart_s = _account(evidence, before)
                calls = _open_calls(record, providers)
                calls_known = calls is not None
                evidence["open_tool_calls"] = _dated(calls or (), record, before)
            else:
                kept = alive(keeper)
                evidence |= {"cpu_s": before.cpu_s if before else None, "complete": False}
        case Exited(outcome=outcome):
            evidence["cpu_s"] = round(outcome.usage.user_s + outcome.usage.system_s, 3)
        case _:
            pass

    seen = Activity(verdict="unknown", why="", **evidence)
    verdict, why = judge_activity(
        record.state, seen, kept=kept, tells_calls=calls_known, apart_s=apart_s
    )
    shown = _most_used(seen.processes) if listed else ()
    return seen.model_copy(update={"verdict": verdict, "why": why, "processes": shown})


def _account(evidence: dict[str, Any], before: Activity | None) -> float | None:
    """Put the CPU time beside that of the former look; return the time in between."""
    if before is None or before.cpu_s is None:
        return None

    # The sum loses what nobody collected, the other way what has ended: each is the least that
    # can have been used, so the greater one is nearer to the truth.
    used_s = max(
        evidence["cpu_s"] - before.cpu_s,
        used_since(evidence["processes"], before.processes, before.at),
    )
    evidence["cpu_s"] = round(before.cpu_s + used_s, 3)
    apart = (evidence["at"] - before.at).total_seconds()
    if apart < APART_MIN:
        return None

    evidence["cpu_share"] = round(used_s / apart, 3)
    return apart


def _output(record: AgentRecord, now: datetime) -> dict[str, Any]:
    written = 0
    last = None
    for path in (record.files.stdout, record.files.stderr):
        size, changed = _file(path)
        written += size
        if size and changed is not None:
            last = max(last, changed) if last is not None else changed

    quiet = (now - (last or record.created_at)).total_seconds()
    return {
        "output_bytes": written,
        "last_output_at": last,
        "quiet_s": round(max(0.0, quiet), 3),
    }


def _file(path: Path) -> tuple[int, datetime | None]:
    """Return the size of a file, and when it was last written to."""
    try:
        found = os.stat(path)  # noqa: PTH116  half the time, for each agent at each look
    except (OSError, ValueError):
        return 0, None

    if not stat.S_ISREG(found.st_mode):
        return 0, None

    return found.st_size, datetime.fromtimestamp(found.st_mtime, UTC)


def _open_calls(
    record: AgentRecord, providers: Mapping[str, Provider]
) -> tuple[OpenToolCall, ...] | None:
    """Ask its provider; None when that cannot know."""
    provider = providers.get(record.provider)
    if provider is None or not _reads_tool_calls(type(provider)):
        return None

    return cast("ReadsToolCalls", provider).open_tool_calls(record.files.stdout)


@functools.cache
def _reads_tool_calls(kind: type[Provider]) -> bool:
    """Whether such providers tell open calls; finding it out takes 30 µs, for each agent."""
    return issubclass(kind, ReadsToolCalls)


def _dated(
    calls: tuple[OpenToolCall, ...], record: AgentRecord, before: Activity | None
) -> tuple[OpenToolCall, ...]:
    """Date calls by the former look as well, and none before the agent's own launch."""
    former = {call.id: call.since for call in before.open_tool_calls} if before else {}
    dated: list[OpenToolCall] = []
    for call in calls:
        known = [moment for moment in (call.since, former.get(call.id)) if moment is not None]
        since = max(record.created_at, min(known)) if known else None
        dated.append(call.model_copy(update={"since": since}))

    return tuple(dated)


def _most_used(processes: tuple[ProcessUse, ...]) -> tuple[ProcessUse, ...]:
    if len(processes) <= LISTED_MAX:
        return processes

    most = sorted(processes, key=lambda one: one.cpu_s, reverse=True)[:LISTED_MAX]
    pids = {one.pid for one in most}
    return tuple(one for one in processes if one.pid in pids)
