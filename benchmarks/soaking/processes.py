"""The processes below a lane, and those that fall to it: it is their outermost subreaper."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.process.kernel import KEEPER_NAME, NURSERY_NAME

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Collection

_PROC = Path("/proc")


class Process(NamedTuple):
    """A process as the kernel shows it.

    Attributes:
        state: One letter; ``Z`` for a zombie.
        name: The short name of its program.
    """

    pid: int
    parent: int
    state: str
    name: str

    @property
    def is_zombie(self) -> bool:
        """Whether it has ended and was not reaped."""
        return self.state == "Z"

    @property
    def is_keeper(self) -> bool:
        """Whether it calls itself one."""
        return self.name == KEEPER_NAME

    @property
    def is_nursery(self) -> bool:
        """Whether it calls itself one."""
        return self.name == NURSERY_NAME

    def __str__(self) -> str:
        """E.g. ``4711 sleep (S, child of 4700)``."""
        return f"{self.pid} {self.name} ({self.state}, child of {self.parent})"


def look_at(pid: int) -> Process | None:
    """Look at one process; None when there is none."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None

    name, _, rest = text.partition(" (")[2].rpartition(") ")
    state, parent = rest.split(" ", 2)[:2]
    return Process(pid=pid, parent=int(parent), state=state, name=name)


def children_of(pid: int) -> list[int]:
    """Return the children of all its threads."""
    found: list[int] = []
    try:
        for task in (_PROC / str(pid) / "task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    except OSError:
        return found

    return found


def below(pid: int, *, without: Collection[int] = ()) -> list[Process]:
    """Return everyone below a process.

    Args:
        pid: The process.
        without: These, and who is below them, are left out.
    """
    found: list[Process] = []
    queue = children_of(pid)
    while queue:
        child = queue.pop()
        if child in without:
            continue

        seen = look_at(child)
        if seen is not None:
            found.append(seen)

        queue += children_of(child)

    return found


class Reaper:
    """Reaps who falls to this process.

    A process of its own is reaped through its `Popen`, which keeps the exit status.

    Attributes:
        own: The one that is this process's own child, if there is one.
        fell: Who else ended as its child, by name.
    """

    def __init__(self) -> None:
        """Nobody is reaped before `gone` is asked."""
        self.own: subprocess.Popen[bytes] | None = None
        self.fell: Counter[str] = Counter()

    def gone(self) -> bool:
        """Reap everyone who has ended; whether the kernel says that no child is left."""
        while True:
            try:
                seen = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return True

            if seen is None:
                return False

            if self.own is not None and seen.si_pid == self.own.pid:
                self.own.poll()
            else:
                process = look_at(seen.si_pid)
                os.waitpid(seen.si_pid, 0)
                self.fell[process.name if process else "?"] += 1
