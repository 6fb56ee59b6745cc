"""What the demo asks its agents for: the habits of real ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """One agent of the demo.

    Attributes:
        name: Of the habit; the agent's type as well.
        shown: What it does, in a few words.
        real: The same as a prompt for a real CLI.
        ready_at: Its own progress, in percent, from which on it has done what it is there for.
        ends: It ends by itself.
    """

    name: str
    shown: str
    real: str
    ready_at: int
    ends: bool = False

    def prompt(self, *, real: bool) -> str:
        """Return what the agent is told."""
        return self.real if real else f"[habit: {self.name}] {self.shown}"


_REPORT: Final = (
    "First call update_agent_progress with status working and progress 10. When you have done it, "
    "call it with progress {percent}. "
)
_STAY: Final = "Then run `sleep 300` in the foreground, and do nothing else."

HABITS: Final = (
    Habit(
        name="worker",
        shown="works, and reports progress and a finding",
        real=_REPORT.format(percent=90)
        + "What you do: list the files of the project directory and report one finding about "
        "them. " + _STAY,
        ready_at=90,
    ),
    Habit(
        name="tool-child",
        shown="runs a tool in a session of its own",
        real=_REPORT.format(percent=60)
        + "What you do: run `setsid sleep 300 >/dev/null 2>&1 &` with your Bash tool. "
        + _STAY,
        ready_at=60,
    ),
    Habit(
        name="daemon",
        shown="starts a daemon: forked twice, an empty environment",
        real=_REPORT.format(percent=60)
        + "What you do: run `(setsid env -i /bin/sleep 300 >/dev/null 2>&1 &)` with your Bash "
        "tool. " + _STAY,
        ready_at=60,
    ),
    Habit(
        name="stubborn",
        shown="ignores SIGINT, SIGTERM and SIGHUP",
        real=_REPORT.format(percent=50)
        + "What you do: run `nohup sh -c 'trap \"\" INT TERM HUP; while :; do sleep 1; done' "
        ">/dev/null 2>&1 &` with your Bash tool. " + _STAY,
        ready_at=50,
    ),
    Habit(
        name="quick",
        shown="ends by itself, with a result",
        real="Call update_agent_progress with status completed and progress 100. Then stop.",
        ready_at=100,
        ends=True,
    ),
)
