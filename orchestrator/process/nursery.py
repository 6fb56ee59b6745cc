"""The nursery: a small single-threaded process that forks keepers on request.

Forking a keeper from here costs a tenth of starting one. Each request is one byte with a socket
beside it, the new keeper's lifeline. The nursery is a subreaper too: whoever falls to it and is
no keeper is the orphan of a keeper that was killed, and is swept.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import time

from . import keeper, kernel, tree
from .cgroup import AgentGroup, groups_of
from .cgroup_base import Base, NoGroupsError, agent_of, open_base
from .rehearsal import rehearse
from .takedown import KILL_ROUND, note
from .wakeup import Wakeup
from .wire import send

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

    from .tree import Proc
    from .wire import NoteMessage

#: Seconds in which orphans that keep forking are killed round after round; then once a second.
SWEEP_LIMIT = 10.0
_SLOW_ROUND = 1.0

#: A keeper that is stopped more often than this is killed, and its agent swept.
STOPS_MAX = 100


def main(descriptor: int, *, cgroups: bool = False) -> NoReturn:
    """Serve requests on the socket until the orchestrator is gone and no keeper is left.

    Args:
        descriptor: The socket.
        cgroups: Have each agent in a control group of its own, if they can be made here.
    """
    contained = kernel.become_subreaper()
    kernel.set_name(kernel.NURSERY_NAME)
    _settle_signals()
    base = _find_base() if cgroups else None
    _stuffing = _rehearse(base, contained=contained)  # held for as long as this process lives
    # Nothing that is loaded now is ever collected: keepers share its pages with the nursery.
    gc.collect()
    gc.disable()
    gc.freeze()
    with socket.socket(fileno=descriptor) as requests:
        requests.set_inheritable(False)
        _Nursery(requests, base).serve()

    if base:
        base.close()

    os._exit(0)


def _rehearse(base: Base | None, *, contained: bool) -> object:
    try:
        return rehearse(base.path if base else None, contained=contained)
    except OSError:
        return None  # no free descriptor, say; launches tell who asks for them


def _find_base() -> Base | None:
    try:
        return open_base()
    except (NoGroupsError, OSError):
        return None  # `doctor` says why


def _settle_signals() -> None:
    """Leave no signal ignored or blocked, for all keepers and agents to come.

    Whatever the orchestrator's own parent ignored or blocked is no business of the agents. Of the
    handled ones only SIGCHLD means anything to the nursery: it is told to leave by the end of its
    socket, and not before its keepers have left.
    """
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        action = _noted if number in keeper.HANDLED_SIGNALS else signal.SIG_DFL
        try:
            signal.signal(number, action)
        except OSError:  # the C library keeps two for itself
            continue

    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _noted(_number: int, _frame: FrameType | None) -> None:
    """The byte in the wake-up pipe is what counts."""


class _Nursery:
    def __init__(self, requests: socket.socket, base: Base | None) -> None:
        self._requests = requests
        self._base = base.path if base else None
        self._open = True
        self._keepers: set[int] = set()
        self._wakeup = Wakeup()
        self._sweeping_since: float | None = None
        self._died: list[int] = []
        self._stops: dict[int, int] = {}
        self._groups: list[AgentGroup] = []
        #: By pid: whom the sweep has killed, and of which keeper; None where nothing tells.
        self._swept: dict[int, tuple[NoteMessage, int | None]] = {}

    def serve(self) -> None:
        poll = select.poll()
        poll.register(self._requests, select.POLLIN)
        poll.register(self._wakeup.reader, select.POLLIN)
        while self._open or self._keepers or self._sweeping_since:
            ready = dict(poll.poll(self._timeout()))
            if self._requests.fileno() in ready:
                self._take_request()
                if not self._open:
                    poll.unregister(self._requests)

            if self._wakeup.reader in ready:
                self._wakeup.take()

            self._reap()
            self._sweep()

    def _timeout(self) -> float | None:
        if self._sweeping_since is None:
            return None

        fresh = time.monotonic() - self._sweeping_since < SWEEP_LIMIT
        return (KILL_ROUND if fresh else _SLOW_ROUND) * 1000

    def _take_request(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._requests, 1, 1)
        except ConnectionError:
            data, descriptors = b"", []

        if not data:
            self._open = False
            return

        for descriptor in descriptors:
            self._fork_keeper(descriptor)

    def _fork_keeper(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)  # noqa: FBT003  the function takes it so
        try:
            pid = os.fork()
        except OSError as error:
            send(descriptor, {"event": "refused", "stage": "fork", "errno": error.errno})
            os.close(descriptor)
            return

        if pid == 0:
            self._wakeup.let_go()
            os.close(self._requests.detach())
            keeper.run(descriptor, self._base)

        os.close(descriptor)
        self._keepers.add(pid)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return

            if pid == 0:
                return

            if os.WIFSTOPPED(status):
                self._continue(pid)
            elif pid in self._keepers:
                self._keepers.remove(pid)
                self._stops.pop(pid, None)
                if status != 0:
                    # Its agent has got SIGKILL from the kernel; the rest has fallen to us.
                    self._died.append(pid)
                    # Named now: a keeper to come may get its pid.
                    self._groups += groups_of(self._base, pid) if self._base else ()
                    self._sweeping_since = self._sweeping_since or time.monotonic()

    def _continue(self, pid: int) -> None:
        """Let a keeper that somebody has stopped go on: while it stands, nobody can be stopped."""
        if pid not in self._keepers:
            return

        self._stops[pid] = self._stops.get(pid, 0) + 1
        os.kill(pid, signal.SIGCONT if self._stops[pid] <= STOPS_MAX else signal.SIGKILL)

    def _sweep(self) -> None:
        if self._sweeping_since is None:
            return

        # The groups first: what they hold may fork faster than it is found.
        self._groups = [group for group in self._groups if not self._sweep_group(group)]
        orphans = [pid for pid in tree.children(os.getpid()) if pid not in self._keepers]
        for orphan in orphans:
            self._kill([tree.read(orphan), *tree.descendants(orphan)])

        if not orphans and not self._groups:
            self._sweeping_since = None
            keepers = [{"pid": pid, "processes": self._swept_of(pid)} for pid in self._died]
            self._tell({"event": "swept", "keepers": keepers})
            self._died.clear()
            self._swept.clear()

    def _swept_of(self, keeper: int) -> list[NoteMessage]:
        """Whom a keeper has left, and those of whom nothing tells whose they were."""
        return [note for note, whose in self._swept.values() if whose in {keeper, None}]

    def _sweep_group(self, group: AgentGroup) -> bool:
        """Kill everyone in the group of a keeper that has died; whether nobody is left in it."""
        if group.populated():
            group.freeze(KILL_ROUND)
            members = [tree.read(pid) for pid in group.members()]
            self._kill(members)
            group.kill()
            group.thaw()

        if group.remove(KILL_ROUND):
            return True

        if group.populated():
            return False

        # Its last member has gone since the last try; as an empty group it would stay.
        group.remove(KILL_ROUND)
        return True

    def _kill(self, procs: list[Proc | None]) -> None:
        for proc in procs:
            if proc is None or proc.ended:
                continue

            agent = agent_of(proc.pid)
            if tree.send(proc, signal.SIGKILL):
                self._swept.setdefault(proc.pid, (note(proc), agent[1] if agent else None))

    def _tell(self, event: dict[str, object]) -> None:
        send(self._requests.fileno(), event)
