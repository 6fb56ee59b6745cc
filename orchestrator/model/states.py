"""The states of an agent: a union that cannot say nonsense, and the changes that are legal."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from .base import Noun
from .outcome import Outcome
from .processes import Exit, ProcessIdentity, ProcessNote


class Starting(Noun):
    """Recorded before the spawn; there may or may not be a process yet."""

    kind: Literal["starting"] = "starting"
    since: datetime


class Running(Noun):
    """The leader runs.

    Attributes:
        since: When it was started.
        leader: The agent itself: leader of its session and of its process group.
        keeper: Its keeper.
        cgroup: The folder of its control group, where it has one.
    """

    kind: Literal["running"] = "running"
    since: datetime
    leader: ProcessIdentity
    keeper: ProcessIdentity
    cgroup: str | None = None


class Frozen(Noun):
    """All of its processes stand still, until they are thawed or it is stopped.

    Attributes:
        since: When it was frozen.
        leader: As in `Running`.
        keeper: As in `Running`.
        started_at: When it was started.
        cgroup: As in `Running`.
    """

    kind: Literal["frozen"] = "frozen"
    since: datetime
    leader: ProcessIdentity
    keeper: ProcessIdentity
    started_at: datetime
    cgroup: str | None = None


class Stopping(Noun):
    """It is being taken down, or, its leader having ended, what it left is being swept.

    Attributes:
        since: When that began.
        reason: Why, in words.
        leader: As in `Running`.
        keeper: As in `Running`.
        exit: How the leader ended, when it has.
        requested: Somebody asked for it; False for the sweep after an end of its own.
        cgroup: As in `Running`.
    """

    kind: Literal["stopping"] = "stopping"
    since: datetime
    reason: str
    leader: ProcessIdentity
    keeper: ProcessIdentity
    exit: Exit | None = None
    requested: bool = True
    cgroup: str | None = None


class Exited(Noun):
    """Its end was seen, and every process of it is accounted for."""

    kind: Literal["exited"] = "exited"
    at: datetime
    outcome: Outcome


class Lost(Noun):
    """Nobody saw its end; what was found of it was swept.

    Attributes:
        at: When that was found out.
        reason: Why, in words.
        swept: The processes that were found and killed.
    """

    kind: Literal["lost"] = "lost"
    at: datetime
    reason: str
    swept: tuple[ProcessNote, ...] = ()


AgentState = Annotated[
    Starting | Running | Frozen | Stopping | Exited | Lost,
    Field(discriminator="kind"),
]
StateKind = Literal["starting", "running", "frozen", "stopping", "exited", "lost"]

#: The states in which it has a leader and a keeper.
Kept = Running | Frozen | Stopping

#: Which state may follow which. A final state is followed by nothing.
SUCCESSORS: Final[dict[StateKind, frozenset[StateKind]]] = {
    "starting": frozenset({"running", "stopping", "exited", "lost"}),
    "running": frozenset({"frozen", "stopping", "exited", "lost"}),
    "frozen": frozenset({"running", "stopping", "exited", "lost"}),
    "stopping": frozenset({"stopping", "exited", "lost"}),
    "exited": frozenset(),
    "lost": frozenset(),
}

FINAL: Final[frozenset[StateKind]] = frozenset({"exited", "lost"})
LIVE: Final[frozenset[StateKind]] = frozenset(SUCCESSORS) - FINAL


def may_follow(before: AgentState, after: AgentState) -> bool:
    """Whether ``after`` is a legal next state of an agent in ``before``."""
    return after.kind in SUCCESSORS[before.kind]


def freeze(state: Running, at: datetime) -> Frozen:
    """Return the state of an agent that was frozen."""
    return Frozen(
        since=at,
        leader=state.leader,
        keeper=state.keeper,
        started_at=state.since,
        cgroup=state.cgroup,
    )


def thaw(state: Frozen) -> Running:
    """Return the state of an agent that was thawed."""
    return Running(
        since=state.started_at, leader=state.leader, keeper=state.keeper, cgroup=state.cgroup
    )


def begin_stop(
    state: Running | Frozen,
    at: datetime,
    reason: str,
    *,
    exit: Exit | None = None,  # noqa: A002  the field's own name
    requested: bool = True,
) -> Stopping:
    """Return the state of an agent whose stop, or the sweep after its own end, has begun."""
    return Stopping(
        since=at,
        reason=reason,
        leader=state.leader,
        keeper=state.keeper,
        exit=exit,
        requested=requested,
        cgroup=state.cgroup,
    )
