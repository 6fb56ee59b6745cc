"""One agent's processes as its keeper sees them: who is there, and reaping who has ended.

The keeper is their subreaper, so they are its descendants: always, all of them, and nobody else.
Where there is no subreaper (macOS), the orphans among them go to pid 1; what stands in the
agent's session or group is still found. Where the agent has a control group, its members count
too, wherever they descend from.
"""

from __future__ import annotations

import os

# `os.wait4` loads it at its first call. Here it is loaded once, in the nursery, and not in each
# keeper at the end of its agent.
import resource  # noqa: TC003  what is meant is the loading
import select
import signal
import sys
import time

from . import tree

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cgroup import AgentGroup
    from .tree import Proc

#: Seconds in which everyone is made to stand still; who does not by then is not waited for.
FREEZE_LIMIT = 1.0

#: Seconds that a group may take to stand still before it is signalled, which it is then anyway.
_BRIEF = 0.1

#: States of /proc/PID/stat in which a process does nothing until it is continued.
_STOPPED = frozenset("Tt")

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Household:
    """The agent and everyone below it.

    Attributes:
        leader: The agent's pid, which is its process group and session as well.
        group: The control group that it was started in, if there is one.
        exit: ``("code", n)`` or ``("signal", n)`` once the leader has ended.
    """

    def __init__(self, leader: int, *, contained: bool, group: AgentGroup | None = None) -> None:
        """Keep the house of an agent that was started just now.

        Args:
            leader: The agent's pid.
            contained: This process is a subreaper: nobody can leave the house.
            group: The control group that it was started in.
        """
        self.leader = leader
        self.exit: tuple[str, int] | None = None
        self.user_s = 0.0
        self.system_s = 0.0
        self.max_rss = 0
        self._leader_reaped = False
        self._contained = contained
        self.group = group
        self._stopped: dict[int, Proc] = {}

    def reap(self) -> None:
        """Collect whoever has ended, without waiting.

        The leader is looked at but left a zombie: as long as it is, no other process can get its
        number, and its process group can be signalled safely.
        """
        if self.exit is None:
            self._look_at_leader()

        for pid in tree.own_children():
            if pid != self.leader:
                self._collect(pid)

    def others(self) -> list[Proc]:
        """Everyone alive but the leader."""
        return [proc for proc in self.alive() if proc.pid != self.leader]

    def remaining(self) -> list[Proc]:
        """Everyone that is left when nothing ends them; if a walk sees nobody, our children."""
        children = (tree.read(pid) for pid in tree.own_children())
        return self.alive() or [proc for proc in children if proc is not None]

    def empty(self) -> bool:
        """Whether nobody is left; proven by the kernel, not by a walk.

        When all that is left seems to be the ended leader, the leader is reaped. Only then can
        the kernel be asked: ECHILD means that nobody is there, nor on the way here. A control
        group must have no member either.
        """
        if self.exit is None:
            return False

        if not self._leader_reaped:
            if any(pid != self.leader for pid in tree.own_children()):
                return False

            self._collect(self.leader)

        try:
            while True:
                pid, _, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return False

                self._account(usage)
        except ChildProcessError:
            if self.group and self.group.populated():
                return False

            return self._contained or not self.others()

    def signal_own_group(self, *signals: int) -> list[Proc]:
        """Signal the agent's own group, while its leader is there.

        Not the leader alone: it may be a wrapper (npx, a shell) that passes nothing on. Whoever
        was frozen goes on first.

        Returns:
            Everyone who was there, in that group or in another.
        """
        self.thaw()
        alive = self.alive()
        if self.exit is None:
            tree.send_group(self.leader, *signals)

        return alive

    def signal_groups(self, *signals: int) -> list[Proc]:
        """Signal the agent's group, every escapee's group, and whoever is in neither.

        A control group stands still from the look to the signal, so that all of it is listed and
        nobody is born unsignalled; SIGKILL goes to it as one. Afterwards nobody stays frozen.

        Returns:
            Those who were there, the leader among them.
        """
        if self.group and self.group.populated():
            self.group.freeze(_BRIEF)

        below = self._below()
        outside = self._outside(below)
        if self.group and signal.SIGKILL in signals:
            self.group.kill()

        self._signal_groups_of(below, *signals)
        for proc in outside:
            tree.send(proc, *signals)

        self.thaw()
        return below + outside

    def _signal_groups_of(self, alive: list[Proc], *signals: int) -> None:
        own_group_is_ours = not self._leader_reaped or any(p.pgid == self.leader for p in alive)
        if own_group_is_ours:
            tree.send_group(self.leader, *signals)

        for pgid in {proc.pgid for proc in alive} - {self.leader, os.getpgrp(), 0, 1}:
            # The number means this group as long as a member of it is there: look again.
            if any(self._still(proc) for proc in alive if proc.pgid == pgid):
                tree.send_group(pgid, *signals)

        for proc in alive:
            if proc.pgid == os.getpgrp():  # between its fork and its setsid
                tree.send(proc, *signals)

    def alive(self) -> list[Proc]:
        """Everyone alive, the leader among them."""
        below = self._below()
        return below + self._outside(below)

    def _below(self) -> list[Proc]:
        if self._contained:
            return tree.descendants(os.getpid())

        below = {proc.pid: proc for proc in tree.descendants(os.getpid())}
        for proc in tree.everyone():
            if not proc.ended and self.leader in {proc.sid, proc.pgid}:
                below.setdefault(proc.pid, proc)

        return list(below.values())

    def _outside(self, below: list[Proc]) -> list[Proc]:
        """The members of the control group that are not below this process."""
        if self.group is None:
            return []

        seen = {os.getpid(), *(proc.pid for proc in below)}
        found = (tree.read(pid) for pid in self.group.members() if pid not in seen)
        return [proc for proc in found if proc is not None and not proc.ended]

    # -------------------------------------------------------------------------------- freezing
    def freeze(self) -> list[Proc]:
        """Make everyone stand still until `thaw`: the control group as one, others by SIGSTOP.

        Returns:
            Those who do. One that the kernel holds (state D) may be missing.
        """
        group = self.group if self.group and self.group.freeze() else None
        end = time.monotonic() + FREEZE_LIMIT
        while True:
            alive = self.alive()
            members = set(group.members()) if group else set[int]()
            moving = [proc for proc in alive if proc.pid not in members and self._moves(proc)]
            if not moving or time.monotonic() > end:
                return [proc for proc in alive if proc not in moving and proc.state != "D"]

            # Until a walk finds nobody: one that is not stopped yet may fork.
            for proc in moving:
                if tree.send(proc, signal.SIGSTOP):
                    self._stopped[proc.pid] = proc

            select.poll().poll(1)

    def thaw(self) -> None:
        """Let everyone go on whom `freeze` has stopped, and the control group, whoever froze it."""
        if self.group:
            self.group.thaw()

        for proc in self._stopped.values():
            tree.send(proc, signal.SIGCONT)

        self._stopped.clear()

    def _moves(self, proc: Proc) -> bool:
        """Whether it was not seen to stand still; a main thread that has ended shows nothing."""
        return proc.state not in _STOPPED and not (proc.state == "Z" and proc.pid in self._stopped)

    @staticmethod
    def _still(proc: Proc) -> bool:
        now = tree.read(proc.pid)
        return now is not None and (now.start, now.pgid) == (proc.start, proc.pgid)

    def _look_at_leader(self) -> None:
        if not hasattr(os, "waitid"):  # macOS before Python 3.13: no look without reaping
            self._collect(self.leader)
            return

        seen = os.waitid(os.P_PID, self.leader, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if seen is not None:
            kind = "code" if seen.si_code == os.CLD_EXITED else "signal"
            self.exit = (kind, seen.si_status)

    def _collect(self, pid: int) -> None:
        try:
            ended, status, usage = os.wait4(pid, os.WNOHANG)
        except ChildProcessError:
            return

        if ended == 0:
            return

        self._account(usage)
        if pid == self.leader:
            self._leader_reaped = True
            if self.exit is None:
                code = os.waitstatus_to_exitcode(status)
                self.exit = ("code", code) if code >= 0 else ("signal", -code)

    def _account(self, usage: resource.struct_rusage) -> None:
        self.user_s += usage.ru_utime
        self.system_s += usage.ru_stime
        self.max_rss = max(self.max_rss, usage.ru_maxrss * _RSS_UNIT)
