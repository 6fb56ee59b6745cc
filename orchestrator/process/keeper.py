"""The keeper: the small parent of one agent, which sees its end and takes all of it down.

It is told what to do over one socket, its lifeline to the orchestrator. A stop request, SIGTERM
to the keeper and the end of the lifeline all mean the same: take the agent down with its full
grace. SIGQUIT means: without. What it found out is on disk before anyone is told.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time

from . import kernel, tree
from .household import Household
from .spawn import SpawnError, spawn
from .takedown import Takedown, note
from .wire import LineBuffer, send

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from .wire import LaunchMessage, NoteMessage, OutcomeMessage, ReceiptMessage

_PRIVATE = 0o600
_CHUNK = 65536
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)

#: What a keeper handles, if only by waking up; handlers are inherited from the nursery. Python
#: ignores the last two, and an agent would too: what is ignored stays so through exec.
HANDLED_SIGNALS = (signal.SIGCHLD, *_STOP_SIGNALS, signal.SIGPIPE, signal.SIGXFSZ)

#: Exit statuses of a keeper other than 0; both tell the nursery to look for orphans.
FAILED = 1
SURVIVORS = 3


def run(channel: int) -> NoReturn:
    """Be the keeper of the one agent that the channel's first line describes; then end.

    Args:
        channel: The descriptor of the lifeline.
    """
    status = FAILED
    try:
        os.setsid()
        contained = kernel.become_subreaper()
        kernel.set_name(kernel.KEEPER_NAME)
        keeper = _Keeper(channel, _Wakeup(), contained=contained)
        status = keeper.keep() if keeper.launch() else 0
    except BaseException:
        # Only a crash needs it, and it is a tenth of what every fork would have to copy.
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        raise
    finally:
        os._exit(status)


class _Wakeup:
    """Signals as bytes in a pipe, so that one poll waits for everything."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def take(self) -> bytes:
        """Return the numbers of the signals that came, as bytes."""
        try:
            return os.read(self.reader, _CHUNK)
        except BlockingIOError:
            return b""


class _Keeper:
    def __init__(self, channel: int, wakeup: _Wakeup, *, contained: bool) -> None:
        self._channel = channel
        self._contained = contained
        # What can be done before the order is there is done here: from then on somebody waits.
        self._me = tree.read(os.getpid())
        self._poll = select.poll()
        self._poll.register(wakeup.reader, select.POLLIN)
        self._poll.register(channel, select.POLLIN)
        self._lines = LineBuffer()
        self._wakeup = wakeup
        self._takedown: Takedown | None = None
        self._left_behind: list[NoteMessage] = []
        self._connected = True
        self._exited_at = 0.0

    # ------------------------------------------------------------------------------- launching
    def launch(self) -> bool:
        """Read the order and start the agent; False when there is nothing to keep."""
        pending: list[Any] = []
        while not pending:
            if self._wakeup.reader in dict(self._poll.poll()):
                return False  # told to end before there was anything to keep

            data = os.read(self._channel, _CHUNK)
            if not data:
                return False

            pending = self._lines.feed(data)

        self._order: LaunchMessage = pending[0]
        self._policy = self._order["policy"]
        self._started_at = time.time()
        try:
            self._house = Household(spawn(self._order), contained=self._contained)
        except SpawnError as error:
            self._tell({"event": "refused", "stage": error.stage, "errno": error.number})
            return False

        leader, keeper = tree.read(self._house.leader), self._me
        self._tell(
            {
                "event": "started",
                "at": self._started_at,
                "leader": [self._house.leader, leader.start if leader else 0],
                "keeper": [os.getpid(), keeper.start if keeper else 0],
            }
        )
        for message in pending[1:]:
            self._obey(message)

        return True

    # --------------------------------------------------------------------------------- keeping
    def keep(self) -> int:
        """Wait for the kernel or the orchestrator to say something, until nobody is left.

        Returns:
            The keeper's own exit status.
        """
        # Whatever has happened since the spawn stands in the pipe.
        while not (self._takedown and self._takedown.done):
            timeout = self._takedown.timeout() if self._takedown else None
            ready = dict(self._poll.poll(None if timeout is None else timeout * 1000 + 1))
            if self._channel in ready:
                self._listen()
                if not self._connected:
                    self._poll.unregister(self._channel)

            for number in set(self._wakeup.take()) & set(_STOP_SIGNALS):
                name = signal.Signals(number).name
                self._stop(f"{name} to its keeper", kill=number == signal.SIGQUIT)

            self._look()

        return self._record()

    def _look(self) -> None:
        house = self._house
        house.reap()
        if house.exit and not self._exited_at:
            self._exited_at = time.time()
            self._left_behind = [] if self._takedown else [note(proc) for proc in house.others()]
            self._tell({"event": "exited", "at": self._exited_at, "exit": house.exit})
            if self._takedown is None:
                self._takedown = Takedown(house, self._policy, "left behind by its agent")

        if self._takedown:
            self._takedown.advance()

    def _listen(self) -> None:
        try:
            data = os.read(self._channel, _CHUNK)
        except ConnectionError:
            data = b""

        if not data:
            self._connected = False
            self._stop("its orchestrator is gone")
            return

        for message in self._lines.feed(data):
            self._obey(message)

    def _obey(self, message: dict[str, Any]) -> None:
        if message["op"] in {"stop", "kill"}:
            self._policy = message.get("policy") or self._policy
            self._stop(message["reason"], kill=message["op"] == "kill")

    def _stop(self, reason: str, *, kill: bool = False) -> None:
        self._look()  # one that has just ended is being swept from here on
        if self._takedown is None:
            self._takedown = Takedown(self._house, self._policy, reason)
            self._tell({"event": "stopping", "at": time.time(), "reason": reason})

        self._takedown.hurry(kill=kill)

    # ------------------------------------------------------------------------------- reporting
    def _record(self) -> int:
        house, takedown = self._house, self._takedown
        receipt = takedown.receipt() if takedown else None
        outcome: OutcomeMessage = {
            "agent_id": self._order["agent_id"],
            "pid": house.leader,
            "exit": house.exit,
            "requested": bool(takedown and takedown.requested),
            "started_at": self._started_at,
            "exited_at": self._exited_at,
            "ended_at": time.time(),
            "user_s": house.user_s,
            "system_s": house.system_s,
            "max_rss_bytes": house.max_rss,
            "left_behind": self._left_behind,
            "receipt": receipt,
        }
        recorded = self._write_outcome(outcome)
        self._write_log_line(receipt)
        self._tell({"event": "ended", "outcome": outcome, "recorded": recorded})
        self._continue_nursery()
        return SURVIVORS if receipt and receipt["survivors"] else 0

    def _continue_nursery(self) -> None:
        """Let the nursery leave, should somebody have stopped it."""
        parent = tree.read(os.getppid())
        if parent is not None and parent.name == kernel.NURSERY_NAME:
            tree.send(parent, signal.SIGCONT)

    def _write_outcome(self, outcome: OutcomeMessage) -> bool:
        path = self._order["outcome"]
        partial = f"{path}.{os.urandom(4).hex()}"
        try:
            # Nothing that somebody has put there beforehand is opened, a FIFO least of all.
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
            with os.fdopen(descriptor, "w") as file:
                json.dump(outcome, file)

            os.replace(partial, path)  # noqa: PTH105  pathlib is not loaded here
        except OSError:
            return False

        return True

    def _write_log_line(self, receipt: ReceiptMessage | None) -> None:
        kind, number = self._house.exit or ("not ended by", signal.SIGKILL)
        how = f"exit {number}" if kind == "code" else f"{kind} {number}"
        said = ""
        if receipt:
            what = "stopped" if self._takedown and self._takedown.requested else "swept"
            said = (
                f" {what} reason={receipt['reason']!r} signalled={len(receipt['signalled'])}"
                f" escapees={len(receipt['escapees'])} killed={len(receipt['killed'])}"
                f" survivors={len(receipt['survivors'])} ms={receipt['duration_ms']:.0f}"
            )

        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime())
        line = (
            f"{now} keeper {os.getpid()}: agent {self._order['agent_id']}"
            f" pid={self._house.leader} ended {how}{said}\n"
        )
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(self._order["log"], flags, _PRIVATE)
            os.write(descriptor, line.encode("utf-8", "backslashreplace"))
            os.close(descriptor)
        except OSError:
            return

    def _tell(self, event: dict[str, object]) -> None:
        if not send(self._channel, event):
            # Nobody listens any more; what must not be lost is on disk.
            self._connected = False
