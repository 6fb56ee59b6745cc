"""What agents may use: how many of them, for how long, and how much."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Noun

#: Ten years, in seconds: beyond any run, and within what every clock here can count.
_LONGEST = 315_360_000

Count = Annotated[int, Field(ge=0)]
Span = Annotated[float, Field(gt=0, le=_LONGEST)]
Bytes = Annotated[int, Field(gt=0, lt=2**63)]
Dollars = Annotated[float, Field(gt=0)]

#: A limit that ends an agent. ``orphaned``: a durable one had no orchestrator for too long.
LimitName = Literal["wall_clock", "idle", "memory", "output", "cost", "orphaned"]

#: The share of a limit that is used when a warning is given.
WARN_SHARE = 0.8


class Limits(Noun):
    """What may be used at most; None for as much as the machine bears.

    The counts are those of a task, or of the agents that one orchestrator launched without a
    task. In an agent's own spec they are those of its family: of the agents below it.

    The others are those of each single agent, and the keeper watches them (`cost` the
    orchestrator). At `WARN_SHARE` of a limit there is a warning, at the limit a stop.

    Limits are inherited: an agent never has a larger one than its parent agent.

    Attributes:
        max_agents: All that were ever started.
        max_concurrent: Those that live at one time.
        max_depth: Generations; an agent without a parent agent has depth 1.
        wall_clock: Seconds from the launch.
        idle: Seconds without a byte of output and with hardly any CPU time: at most 5 % of a core.
        memory: Bytes, over all of the agent's processes.
        output: Bytes of standard output and standard error.
        cost: US dollars, by the result lines of the CLIs of an agent and its family.
    """

    max_agents: Count | None = None
    max_concurrent: Count | None = None
    max_depth: Count | None = 5
    wall_clock: Span | None = None
    idle: Span | None = None
    memory: Bytes | None = None
    output: Bytes | None = None
    cost: Dollars | None = None

    def narrowed(self, other: Limits | None) -> Limits:
        """Return the smaller one of each limit."""
        if other is None:
            return self

        pairs = {
            name: (getattr(self, name), getattr(other, name)) for name in type(self).model_fields
        }
        smaller = {
            name: min((value for value in pair if value is not None), default=None)
            for name, pair in pairs.items()
        }
        return Limits.model_validate(smaller)


class LimitNote(Noun):
    """A limit that was nearly reached, or reached.

    Attributes:
        limit: Which one.
        used: How much of it, in its own unit: seconds, bytes or US dollars.
        allowed: The limit.
    """

    limit: LimitName
    used: float
    allowed: float
