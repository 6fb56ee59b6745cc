"""How the demo went."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReport:
    """How it went with one agent.

    Attributes:
        habit: The name of its habit.
        agent_id: Its id.
        pid: Its process.
        percent: Its progress when the server was killed.
        processes: It and what it had started, at most.
        status: How it ended, in one word.
        ended: The same in a few words.
        done: What its keeper did; None when there was nothing to do.
        killed: How many of its processes needed SIGKILL.
        escapees: How many had left its session.
    """

    habit: str
    agent_id: str
    pid: int
    percent: int
    processes: int
    status: str
    ended: str
    done: str | None
    killed: int
    escapees: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How it went.

    Attributes:
        succeeded: Everything was shown, and nobody is left.
        server_pid: The server that was killed.
        killed_after_s: Seconds from the beginning to the kill.
        ended_after_s: Seconds from the kill until nobody was there.
        processes_started: How many were seen in all.
        processes_left: Who is left.
        counted_by: How they were counted.
        not_shown: What did not come about; empty when all did.
        agents: The agents.
    """

    succeeded: bool
    server_pid: int
    killed_after_s: float
    ended_after_s: float
    processes_started: int
    processes_left: list[str]
    counted_by: str
    not_shown: list[str]
    agents: list[AgentReport]
