"""How what an agent is doing is said: in a word for a table, and in full for who asks why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orchestrator.model.activity import one_line

from . import words
from .table import Column, Table

if TYPE_CHECKING:
    from orchestrator.model.activity import Activity, OpenToolCall

#: Characters of a tool's name in the table; those of MCP servers are long.
_TOOL_MAX: Final = 20

_NAME_MAX: Final = 40


def short(activity: Activity | None) -> str:
    """Say it in a few words: ``working``, ``tool Bash 42s``, ``quiet 3m05s``, ``frozen``.

    The time is how long the oldest open tool call is known to be open; else, since when nothing
    was written. ``-`` stands for what nobody could see.
    """
    if activity is None:
        return "-"

    quiet = words.duration(activity.quiet_s)
    tool = _oldest(activity)
    match activity.verdict:
        case "working":
            return f"working {tool}" if tool else "working"
        case "waiting":
            return f"tool {tool}" if tool else f"waiting {quiet}"
        case "idle":
            return f"quiet {quiet}"
        case "frozen":
            return "frozen"
        case _:
            return "-"


def sentences(activity: Activity) -> list[str]:
    """Say it in full: the verdict with its reason, the numbers, and each open tool call."""
    share = "" if activity.cpu_share is None else f" ({activity.cpu_share:.2f} CPUs now)"
    cpu = "unknown" if activity.cpu_s is None else f"{words.duration(activity.cpu_s)}{share}"
    memory = "unknown" if activity.rss_bytes is None else words.size(activity.rss_bytes)
    quiet = words.duration(activity.quiet_s)
    last = "nothing yet" if activity.last_output_at is None else f"the last byte {quiet} ago"
    return [
        f"{activity.verdict}: {activity.why}",
        f"CPU {cpu}, memory {memory}, output {words.size(activity.output_bytes)}, {last}",
        *(
            f"tool {_name(call)}{_since(call, activity)}: {call.what or call.id}"
            for call in activity.open_tool_calls
        ),
    ]


def processes(activity: Activity) -> Table:
    """Make the table of its processes."""
    rows = [
        (
            str(one.pid),
            one.state,
            words.duration(one.cpu_s),
            words.size(one.rss_bytes),
            str(one.threads),
            "-" if one.open_files is None else str(one.open_files),
            str(one.session),
            words.duration((activity.at - one.since).total_seconds()),
            one_line(one.name, _NAME_MAX),
        )
        for one in activity.processes
    ]
    columns = (
        Column(title="PID", right=True),
        Column(title="STATE"),
        Column(title="CPU", right=True),
        Column(title="MEM", right=True),
        Column(title="THREADS", right=True, spare=3),
        Column(title="FILES", right=True, spare=4),
        Column(title="SESSION", right=True, spare=2),
        Column(title="AGE", right=True, spare=1),
        Column(title="NAME"),
    )
    return Table(columns, tuple(rows))


def _oldest(activity: Activity) -> str | None:
    """Name the tool call that is open longest, and how many others there are."""
    if not activity.open_tool_calls:
        return None

    oldest, *others = activity.open_tool_calls
    more = f" +{len(others)}" if others else ""
    return f"{_name(oldest)}{more}{_since(oldest, activity)}"


def _name(call: OpenToolCall) -> str:
    return one_line(call.name.rpartition("__")[2] or call.name, _TOOL_MAX)


def _since(call: OpenToolCall, activity: Activity) -> str:
    if call.since is None:
        return ""

    return f" {words.duration((activity.at - call.since).total_seconds())}"
