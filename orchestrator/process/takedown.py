"""How a stop goes, in one place: polite signal, SIGTERM, grace, SIGKILL until nobody is left.

A takedown is driven by its keeper's loop: it never waits itself, but says until when it has
nothing to do. Its steps:

``linger``  the leader ended by itself; the others may follow by themselves
``polite``  the signal that the provider names, to the agent's own group, as a terminal does
``term``    SIGTERM, then SIGCONT (a stopped process does not see SIGTERM), to every group
``kill``    SIGKILL, to its control group as one, again and again, until the kernel says that
            nobody is left
``done``    nobody is left, or the kill limit has passed and the receipt names the survivors

Whoever was frozen goes on with the first signal.
"""

from __future__ import annotations

import signal
import time

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from .household import Household
    from .tree import Proc
    from .wire import NoteMessage, PolicyMessage, ReceiptMessage

#: Seconds between two rounds of SIGKILL, when nothing ends in between.
KILL_ROUND = 0.02


def note(proc: Proc) -> NoteMessage:
    """Return the process as it is listed."""
    return {"pid": proc.pid, "name": proc.name, "session": proc.sid}


class Takedown:
    """One stop of one household.

    Attributes:
        stage: The step it is at.
        reason: Why, in words; the first reason that was given.
        requested: Somebody asked for it while the leader lived, or it was ended by a limit.
    """

    def __init__(
        self,
        house: Household,
        policy: PolicyMessage,
        reason: str,
        *,
        kill: bool = False,
        by_limit: bool = False,
    ) -> None:
        """Begin with `linger` when the leader has ended, else with the first signal.

        Args:
            house: Who is to be ended.
            policy: The graces.
            reason: Why, in words.
            kill: Leave out every grace, and every signal but SIGKILL.
            by_limit: The leader was ended by a limit that the kernel enforces.
        """
        self.reason = reason
        self.requested = by_limit or house.exit is None
        self.stage = "linger"
        self._house = house
        self._policy = policy
        self._began_at = time.time()
        self._began = time.monotonic()
        self._deadline = self._began + policy["linger"]
        self._signalled: dict[int, NoteMessage] = {}
        self._escapees: dict[int, NoteMessage] = {}
        self._killed: dict[int, NoteMessage] = {}
        self._survivors: list[NoteMessage] = []
        if house.exit is None and kill:
            self._enter_kill()
        elif house.exit is None:
            self._enter_polite()

    @property
    def done(self) -> bool:
        """Nobody is left, or all that can be done was done."""
        return self.stage == "done"

    def timeout(self) -> float | None:
        """Seconds until there is something to do even if no child ends before."""
        if self.done:
            return None

        left = max(0.0, self._deadline - time.monotonic())
        return min(left, KILL_ROUND) if self.stage == "kill" else left

    def hurry(self, *, kill: bool) -> None:
        """Leave the linger of an agent that ended by itself; with `kill`, every grace."""
        if kill and self.stage in {"linger", "polite", "term"}:
            self._enter_kill()
        elif self.stage == "linger":
            self._enter_term()

    def advance(self) -> None:
        """Do what is due now; call it when a child has ended and when the timeout has passed."""
        if self.done:
            return

        if self._house.empty():
            self.stage = "done"
            return

        late = time.monotonic() >= self._deadline
        leader_ended = self._house.exit is not None
        if (self.stage == "polite" and (late or leader_ended)) or (self.stage == "linger" and late):
            self._enter_term()
        elif self.stage == "term" and late:
            self._enter_kill()
        elif self.stage == "kill" and late:
            self._survivors = [note(proc) for proc in self._house.remaining()]
            self.stage = "done"
        elif self.stage == "kill":
            self._kill()

    def receipt(self) -> ReceiptMessage | None:
        """What was done; None when nobody asked for it and nobody had to be signalled."""
        did_something = self._signalled or self._killed or self._survivors
        if not self.requested and not did_something:
            return None

        return {
            "reason": self.reason,
            "began_at": self._began_at,
            "duration_ms": round((time.monotonic() - self._began) * 1000, 3),
            "signalled": list(self._signalled.values()),
            "escapees": list(self._escapees.values()),
            "killed": list(self._killed.values()),
            "survivors": self._survivors,
        }

    def _enter_polite(self) -> None:
        number = self._policy["polite_signal"]
        if number is None:
            self._enter_term()
            return

        self.stage = "polite"
        self._deadline = time.monotonic() + self._policy["polite_grace"]
        there = self._house.signal_own_group(number, signal.SIGCONT)
        # The agent may end its escapees itself now: this is the last moment to see them.
        self._list_escapees(there)
        self._signalled |= {
            proc.pid: note(proc) for proc in there if proc.pgid == self._house.leader
        }

    def _enter_term(self) -> None:
        self.stage = "term"
        self._deadline = time.monotonic() + self._policy["term_grace"]
        there = self._house.signal_groups(signal.SIGTERM, signal.SIGCONT)
        self._list_escapees(there)
        self._signalled |= {proc.pid: note(proc) for proc in there}

    def _enter_kill(self) -> None:
        self.stage = "kill"
        self._deadline = time.monotonic() + self._policy["kill_limit"]
        self._kill()

    def _kill(self) -> None:
        there = self._house.signal_groups(signal.SIGKILL)
        self._list_escapees(there)
        self._killed |= {proc.pid: note(proc) for proc in there}

    def _list_escapees(self, there: list[Proc]) -> None:
        escaped = {proc.pid: note(proc) for proc in there if proc.sid != self._house.leader}
        self._escapees = escaped | self._escapees
