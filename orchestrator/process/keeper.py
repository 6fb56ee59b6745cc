"""The keeper: the small parent of one agent, which sees its end and takes all of it down.

It is told what to do over one socket, its lifeline to the orchestrator. A stop request, SIGTERM
to the keeper and the end of the lifeline all mean the same: take the agent down with its full
grace. SIGQUIT means: without. SIGUSR1 and SIGUSR2 freeze and thaw. What it found out is on disk
before anyone is told.

The agent of a *durable* order outlives the lifeline. Its keeper waits at a door for the next
orchestrator, and carries on as before.
"""

from __future__ import annotations

import os
import select
import signal
import time

from . import kernel, tree
from .cgroup import AgentGroup
from .household import Household
from .lifeline import Lifeline
from .limits import LimitWatch, say
from .record import OutcomeFile, append_to_log, log_line
from .spawn import SpawnError, spawn
from .takedown import Takedown, note
from .wakeup import Wakeup

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from .limits import LimitNews
    from .wire import LaunchMessage, LimitNoteMessage, NoteMessage, OutcomeMessage

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)

#: What a keeper handles, if only by waking up; handlers are inherited from the nursery. Python
#: ignores the last two, and an agent would too: what is ignored stays so through exec.
HANDLED_SIGNALS = (
    signal.SIGCHLD,
    *_STOP_SIGNALS,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGPIPE,
    signal.SIGXFSZ,
)

#: Exit statuses of a keeper other than 0; both tell the nursery to look for orphans.
FAILED = 1
SURVIVORS = 3


def run(channel: int, base: str | None) -> NoReturn:
    """Be the keeper of the one agent that the channel's first line describes; then end.

    Args:
        channel: The descriptor of the lifeline.
        base: The folder in which agents have their control groups; None where there is none.
    """
    status = FAILED
    try:
        os.setsid()
        contained = kernel.become_subreaper()
        kernel.set_name(kernel.KEEPER_NAME)
        keeper = Keeper(channel, Wakeup(), base, contained=contained)
        status = keeper.keep() if keeper.launch() else 0
    except BaseException:
        # Only a crash needs it, and it is a tenth of what every fork would have to copy.
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        raise
    finally:
        os._exit(status)


class Keeper:
    """What a keeper knows of its agent, and does about it."""

    def __init__(self, channel: int, wakeup: Wakeup, base: str | None, *, contained: bool) -> None:
        """Be ready for the order.

        Args:
            channel: The descriptor of the lifeline.
            wakeup: Where this process's signals are read.
            base: The folder in which agents have their control groups; None where there is none.
            contained: This process is a subreaper.
        """
        self._base = base
        self._contained = contained
        # What can be done before the order is there is done here: from then on somebody waits.
        self._start = tree.start_of(os.getpid())
        self._poll = select.poll()
        self._poll.register(wakeup.reader, select.POLLIN)
        self._lifeline = Lifeline(channel, self._poll)
        self._wakeup = wakeup
        self._takedown: Takedown | None = None
        self._stopping: dict[str, object] | None = None
        self._frozen_at: float | None = None
        self._durable = False
        self._orphaned_since: float | None = None
        self._limit: str | None = None
        self._warnings: list[LimitNoteMessage] = []
        self._left_behind: list[NoteMessage] = []
        self._exited_at = 0.0

    # ------------------------------------------------------------------------------- launching
    def launch(self) -> bool:
        """Read the order and start the agent; False when there is nothing to keep."""
        pending: list[Any] = []
        while not pending:
            ready = dict(self._poll.poll())
            if self._wakeup.reader in ready:
                return False  # told to end before there was anything to keep

            pending = self._lifeline.take(ready)

        if pending[0].get("op") == "lost":
            return False

        self._order: LaunchMessage = pending[0]
        self._policy = self._order["policy"]
        self._started_at = time.time()
        try:
            self._open_door()
            self._house = self._move_in()
        except SpawnError as error:
            self._lifeline.close_door()
            refused: dict[str, object] = {
                "event": "refused",
                "stage": error.stage,
                "errno": error.number,
            }
            self._lifeline.tell(refused)
            return False

        leader = self._house.leader
        self._who: dict[str, object] = {
            "at": self._started_at,
            "leader": [leader, tree.start_of(leader)],
            "keeper": [os.getpid(), self._start],
            "cgroup": self._group.path if self._group else None,
        }
        self._lifeline.tell({"event": "started", **self._who})
        self._outcome_file = OutcomeFile(self._order["outcome"])
        outputs = (self._order["stdout"], self._order["stderr"])
        self._limits = LimitWatch(self._house, self._order["limits"], outputs)
        for message in pending[1:]:
            self._obey(message)

        return True

    def _move_in(self) -> Household:
        """Start the agent, in a control group of its own where there are such."""
        self._group = AgentGroup.make(self._base, self._order["agent_id"])
        memory = self._order["limits"]["memory"]
        if self._group and memory is not None:
            self._group.limit_memory(memory)

        try:
            leader = spawn(self._order, self._group)
        except SpawnError:
            if self._group:
                self._group.remove()

            raise

        return Household(leader, contained=self._contained, group=self._group)

    def _open_door(self) -> None:
        path = self._order["door"]
        if path is None:
            return

        try:
            self._lifeline.open_door(path)
        except OSError as error:
            raise SpawnError("door", error.errno or 0) from None

    # --------------------------------------------------------------------------------- keeping
    def keep(self) -> int:
        """Wait for the kernel or the orchestrator to say something, until nobody is left.

        Returns:
            The keeper's own exit status.
        """
        # Whatever has happened since the spawn stands in the pipe.
        while not (self._takedown and self._takedown.done):
            timeout = self._timeout()
            ready = dict(self._poll.poll(None if timeout is None else timeout * 1000 + 1))
            for message in self._lifeline.take(ready):
                self._obey(message)

            for number in self._wakeup.take():
                self._heed(signal.Signals(number))

            self._look()

        return self._end(self._takedown)

    def _timeout(self) -> float | None:
        """Seconds until there is something to do even if nothing happens; None for never."""
        if self._takedown:
            return self._takedown.timeout()

        times = (self._limits.timeout(), self._orphan_time())
        return min((time for time in times if time is not None), default=None)

    def _orphan_time(self) -> float | None:
        limit = self._order["orphan_limit"]
        if self._orphaned_since is None or limit is None:
            return None

        return max(0.0, self._orphaned_since + limit - time.monotonic())

    def _look(self) -> None:
        house = self._house
        house.reap()
        if house.exit and not self._exited_at:
            self._see_exit()

        if self._takedown:
            self._takedown.advance()
        else:
            self._look_at_limits()

    def _see_exit(self) -> None:
        """Tell that the leader has ended; if by itself, see to those whom it left behind."""
        self._exited_at = time.time()
        if self._takedown is None:
            self._limit = self._limit_of_the_kernel()
            # At its limit the kernel ends all of it: who is still there is on the way out, too.
            if self._limit is None:
                self._left_behind = [note(proc) for proc in self._house.others()]

        self._tell_exit()
        if self._takedown is None:
            self._house.thaw()  # what is frozen cannot follow its leader
            by_limit = self._limit is not None
            self._takedown = Takedown(
                self._house, self._policy, self._why_it_ended(), by_limit=by_limit
            )

    def _limit_of_the_kernel(self) -> str | None:
        """The limit at which the kernel has just ended the agent, if it was one."""
        killed = self._house.exit == ("signal", signal.SIGKILL)
        if not killed or not self._group or self._order["limits"]["memory"] is None:
            return None

        # An agent may have groups with limits of its own; what ends there does not end itself.
        return "memory" if self._group.oom_killed() else None

    def _why_it_ended(self) -> str:
        memory = self._order["limits"]["memory"]
        if self._limit is None or memory is None:
            return "left behind by its agent"

        return f"limit reached: memory {memory / 2**20:.1f} MB; the kernel ended it"

    def _look_at_limits(self) -> None:
        for news in self._limits.look():
            if news["level"] == "exceeded":
                self._stop(say(news), limit=news["limit"])
            else:
                self._warn(news)

        if self._takedown is None and self._orphan_time() == 0.0:
            limit = self._order["orphan_limit"]
            self._stop(f"limit reached: {limit:g} s without an orchestrator", limit="orphaned")

    def _warn(self, news: LimitNews) -> None:
        said = say(news)
        self._warnings.append(
            {"limit": news["limit"], "used": news["used"], "allowed": news["allowed"]}
        )
        self._lifeline.tell({"event": "warning", "said": said})
        if not self._lifeline.connected:
            append_to_log(self._order["log"], f"agent {self._order['agent_id']}: {said}")

    def _tell_exit(self) -> None:
        self._lifeline.tell({"event": "exited", "at": self._exited_at, "exit": self._house.exit})

    def _heed(self, number: signal.Signals) -> None:
        if number in _STOP_SIGNALS:
            self._stop(f"{number.name} to its keeper", kill=number == signal.SIGQUIT)
        elif number == signal.SIGUSR1:
            self._freeze()
        elif number == signal.SIGUSR2:
            self._thaw()

    def _obey(self, message: dict[str, Any]) -> None:
        match message["op"]:
            case "stop" | "kill":
                self._policy = message.get("policy") or self._policy
                kill = message["op"] == "kill"
                self._stop(message["reason"], kill=kill, limit=message.get("limit"))
            case "freeze":
                self._freeze()
            case "thaw":
                self._thaw()
            case "durable":
                # It is on record, so that the next orchestrator will find it.
                self._durable = self._lifeline.has_door
            case "adopt":
                self._introduce()
            case "lost" if self._durable:
                self._orphaned_since = time.monotonic()
            case "lost":
                self._stop("its orchestrator is gone")
            case _:
                return

    def _introduce(self) -> None:
        """Tell a new orchestrator how its agent stands."""
        self._orphaned_since = None
        frozen, stopping = self._frozen_at, self._stopping
        self._lifeline.tell({"event": "kept", **self._who, "frozen": frozen, "stopping": stopping})
        if self._exited_at:
            self._tell_exit()

    def _stop(self, reason: str, *, kill: bool = False, limit: str | None = None) -> None:
        self._look_for_exit()
        if self._takedown is None:
            self._limit = limit
            self._frozen_at = None
            self._takedown = Takedown(self._house, self._policy, reason, kill=kill)
            self._stopping = {"at": time.time(), "reason": reason}
            self._lifeline.tell({"event": "stopping", **self._stopping})

        self._takedown.hurry(kill=kill)

    def _look_for_exit(self) -> None:
        """One that has just ended is being swept from here on."""
        if self._takedown is None:
            self._house.reap()
            if self._house.exit:
                self._look()

    # -------------------------------------------------------------------------------- freezing
    def _freeze(self) -> None:
        if self._takedown is None and self._frozen_at is None:
            self._house.freeze()
            self._limits.pause()
            self._frozen_at = time.time()
            self._lifeline.tell({"event": "frozen", "at": self._frozen_at})

    def _thaw(self) -> None:
        if self._takedown is None and self._frozen_at is not None:
            self._house.thaw()
            self._limits.resume()
            self._frozen_at = None
            self._lifeline.tell({"event": "thawed", "at": time.time()})

    # ------------------------------------------------------------------------------- reporting
    def _end(self, takedown: Takedown) -> int:
        house, order = self._house, self._order
        receipt = takedown.receipt()
        outcome: OutcomeMessage = {
            "agent_id": order["agent_id"],
            "pid": house.leader,
            "exit": house.exit,
            "requested": takedown.requested,
            "started_at": self._started_at,
            "exited_at": self._exited_at,
            "ended_at": time.time(),
            "user_s": house.user_s,
            "system_s": house.system_s,
            "max_rss_bytes": house.max_rss,
            "left_behind": self._left_behind,
            "receipt": receipt,
            "limit": self._limit,
            "warnings": self._warnings,
        }
        if self._group:
            self._group.remove()

        recorded = self._outcome_file.write(outcome)
        append_to_log(order["log"], log_line(outcome))
        self._lifeline.tell({"event": "ended", "outcome": outcome, "recorded": recorded})
        self._lifeline.close_door()
        self._continue_nursery()
        return SURVIVORS if receipt and receipt["survivors"] else 0

    def _continue_nursery(self) -> None:
        """Let the nursery leave, should somebody have stopped it."""
        parent = tree.read(os.getppid())
        if parent is not None and parent.name == kernel.NURSERY_NAME:
            tree.send(parent, signal.SIGCONT)
