"""Processes as the kernel shows them at one moment: where they work, and whose they are."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.soaking.processes import children_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PROC = Path("/proc")

#: States in which a process has ended and was only not reaped.
_ENDED = frozenset("ZX")


class Sight(NamedTuple):
    """A process at one moment.

    Attributes:
        session: The pid of its session's leader.
        state: One letter: ``Z`` for a zombie, ``X`` for who is ending, ``T`` for who is stopped.
        name: The short name of its program.
        place: Its working directory; empty when it has none or it cannot be seen.
    """

    pid: int
    parent: int
    session: int
    state: str
    name: str
    place: str

    @property
    def ended(self) -> bool:
        """Whether it has ended and was not reaped."""
        return self.state in _ENDED

    def folder_in(self, folder: Path) -> str:
        """Return the folder in that one which it works in, or below; empty when it does not."""
        before, inside, rest = self.place.partition(f"{folder}/")
        return rest.partition("/")[0] if inside and not before else ""

    def __str__(self) -> str:
        """E.g. ``4711 sleep (S, child of 4700, session 4711)``."""
        more = f"{self.state}, child of {self.parent}, session {self.session}"
        return f"{self.pid} {self.name} ({more})"


def look_at(pid: int) -> Sight | None:
    """Look at one process; None when there is none."""
    folder = _PROC / str(pid)
    try:
        line = (folder / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None

    try:
        place = os.readlink(folder / "cwd")  # noqa: PTH115  a deleted folder has a name, not a path
    except FileNotFoundError:
        place = None
    except OSError:
        place = ""

    name, _, rest = line.partition(" (")[2].rpartition(") ")
    state, parent, _group, session = rest.split(" ", 4)[:4]
    if place is None:  # on its way out: its folder is what it lets go of before it is a zombie
        state, place = "X", ""

    return Sight(pid, int(parent), int(session), state, name, place)


def everyone() -> list[Sight]:
    """Look at every process that can be seen, one after the other."""
    found = (look_at(int(entry.name)) for entry in _PROC.iterdir() if entry.name.isdigit())
    return [sight for sight in found if sight is not None]


def descendants(root: int) -> list[Sight]:
    """Look at everyone below a process: the fastest way to those who are gone in a moment."""
    found: list[Sight] = []
    queue = children_of(root)
    while queue:
        pid = queue.pop()
        sight = look_at(pid)
        if sight is not None:
            found.append(sight)
            queue += children_of(pid)

    return found


def below(root: int, sights: Iterable[Sight]) -> list[Sight]:
    """Return those who descend from a process, by the parents that they had."""
    by_parent: dict[int, list[Sight]] = {}
    for sight in sights:
        by_parent.setdefault(sight.parent, []).append(sight)

    found: list[Sight] = []
    queue = [root]
    while queue:
        children = by_parent.pop(queue.pop(), [])
        found += children
        queue += [child.pid for child in children]

    return found


def ignores(pid: int, signals: Sequence[signal.Signals]) -> bool:
    """Whether a process ignores all of these signals."""
    try:
        text = (_PROC / str(pid) / "status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False

    mask = next(int(line.split()[1], 16) for line in text.splitlines() if line[:7] == "SigIgn:")
    return all(mask >> (number - 1) & 1 for number in signals)


def is_naked(pid: int) -> bool:
    """Whether a process has an empty environment."""
    try:
        return not (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False


def kill(sight: Sight) -> None:
    """SIGKILL for exactly this process, never for one that got its pid since."""
    try:
        descriptor = os.pidfd_open(sight.pid)
    except OSError:
        return

    try:
        # From here on the descriptor means one process; so compare after opening it.
        now = look_at(sight.pid)
        if now is not None and (now.session, now.name) == (sight.session, sight.name):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(descriptor)
