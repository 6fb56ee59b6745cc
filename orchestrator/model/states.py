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
    """

    kind: Literal["running"] = "running"
    since: datetime
    leader: ProcessIdentity
    keeper: ProcessIdentity


class Stopping(Noun):
    """It is being taken down, or, its leader having ended, what it left is being swept.

    Attributes:
        since: When that began.
        reason: Why, in words.
        leader: As in `Running`.
        keeper: As in `Running`.
        exit: How the leader ended, when it has.
        requested: Somebody asked for it; False for the sweep after an end of its own.
    """

    kind: Literal["stopping"] = "stopping"
    since: datetime
    reason: str
    leader: ProcessIdentity
    keeper: ProcessIdentity
    exit: Exit | None = None
    requested: bool = True


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
    Starting | Running | Stopping | Exited | Lost,
    Field(discriminator="kind"),
]
StateKind = Literal["starting", "running", "stopping", "exited", "lost"]

#: Which state may follow which. A final state is followed by nothing.
SUCCESSORS: Final[dict[StateKind, frozenset[StateKind]]] = {
    "starting": frozenset({"running", "stopping", "exited", "lost"}),
    "running": frozenset({"stopping", "exited", "lost"}),
    "stopping": frozenset({"stopping", "exited", "lost"}),
    "exited": frozenset(),
    "lost": frozenset(),
}

FINAL: Final[frozenset[StateKind]] = frozenset({"exited", "lost"})
LIVE: Final[frozenset[StateKind]] = frozenset(SUCCESSORS) - FINAL


def may_follow(before: AgentState, after: AgentState) -> bool:
    """Whether ``after`` is a legal next state of an agent in ``before``."""
    return after.kind in SUCCESSORS[before.kind]
