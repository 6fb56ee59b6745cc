"""Counting processes from outside: everything that descends from this process."""

from __future__ import annotations

import os
import secrets
import signal
from typing import TYPE_CHECKING, Final

import anyio
import psutil

from orchestrator.process import tree
from orchestrator.process.identity import identify, wait_gone
from orchestrator.process.kernel import become_subreaper

if TYPE_CHECKING:
    from orchestrator.process.tree import Proc

#: In the environment of everything that is counted, for systems without a subreaper.
VARIABLE: Final = "ORCHESTRATOR_DEMO_RUN"


class Census:
    """Who was ever seen below this process, and who is there now.

    Attributes:
        complete: Nobody can leave: orphans become children of this process (Linux). Else those
            count that carry the token, and those that were once seen.
        token: For `VARIABLE`.
        seen: Everyone who was ever seen.
    """

    def __init__(self) -> None:
        """Begin to count; whoever is there already does not count."""
        self.complete = become_subreaper()
        self.token = secrets.token_hex(8)
        self.seen: dict[tuple[int, int], Proc] = {}
        self._before = {(proc.pid, proc.start) for proc in tree.descendants(os.getpid())}

    def look(self) -> list[Proc]:
        """Return who is there now."""
        there = {
            (proc.pid, proc.start): proc
            for proc in tree.descendants(os.getpid())
            if (proc.pid, proc.start) not in self._before
        }
        if not self.complete:
            there |= self._strays()

        self.seen |= there
        return list(there.values())

    def _strays(self) -> dict[tuple[int, int], Proc]:
        found: dict[tuple[int, int], Proc] = {}
        for proc in tree.everyone():
            key = (proc.pid, proc.start)
            if not proc.ended and (key in self.seen or self._carries_token(proc.pid)):
                found[key] = proc

        return found

    def _carries_token(self, pid: int) -> bool:
        try:
            return psutil.Process(pid).environ().get(VARIABLE) == self.token
        except psutil.Error:
            return False

    async def wait_for_one(self, at_most: float) -> None:
        """Wait until one of those who are there has ended, or so many seconds have passed."""
        with anyio.move_on_after(at_most):
            for first in self.look()[:1]:
                identity = identify(first.pid)
                if identity is not None:
                    await wait_gone(identity)

    def end(self, everyone: list[Proc]) -> None:
        """Kill whoever should not be there any more."""
        for proc in everyone:
            tree.send(proc, signal.SIGKILL)


def reap() -> bool:
    """Collect the exit statuses of orphans; True when the kernel says that no child is left.

    For a time when nothing else in this process waits for a child.
    """
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True

    return False
