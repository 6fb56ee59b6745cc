"""The processes that are there: who descends from whom, and who is who."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

PROC = "/proc"
HAS_PROC = os.path.exists(f"{PROC}/self/stat")  # noqa: PTH110  pathlib is not loaded here
_HAS_CHILDREN = os.path.exists(f"{PROC}/self/task/{os.getpid()}/children")  # noqa: PTH110
_HAS_PIDFD = hasattr(os, "pidfd_open")

#: States of /proc/PID/stat in which a process has ended already.
_ENDED = frozenset("ZXx")


class Proc(NamedTuple):
    """One process at one moment.

    `start` is field 22 of ``/proc/PID/stat`` (clock ticks since boot), 0 where there is no /proc.
    """

    pid: int
    ppid: int
    pgid: int
    sid: int
    state: str
    start: int
    name: str

    @property
    def ended(self) -> bool:
        """It is a zombie, or less."""
        return self.state in _ENDED


def read(pid: int) -> Proc | None:
    """Look at one process; None when there is none."""
    if not HAS_PROC:
        return next((proc for proc in _ps() if proc.pid == pid), None)

    try:
        with open(f"{PROC}/{pid}/stat", "rb") as file:  # noqa: PTH123  pathlib is not loaded here
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return None

    # The name stands in parentheses and may hold any character, parentheses as well.
    opening, closing = text.index("("), text.rindex(")")
    fields = text[closing + 2 :].split()
    return Proc(
        pid=pid,
        ppid=int(fields[1]),
        pgid=int(fields[2]),
        sid=int(fields[3]),
        state=fields[0],
        start=int(fields[19]),
        name=text[opening + 1 : closing],
    )


def everyone() -> list[Proc]:
    """Every process that can be seen."""
    if not HAS_PROC:
        return _ps()

    found = (read(int(name)) for name in os.listdir(PROC) if name.isdigit())  # noqa: PTH208
    return [proc for proc in found if proc is not None]


def children(pid: int) -> list[int]:
    """The pids of a process's children, zombies included."""
    if not _HAS_CHILDREN:
        return [proc.pid for proc in everyone() if proc.ppid == pid]

    found: list[int] = []
    try:
        for thread in os.listdir(f"{PROC}/{pid}/task"):  # noqa: PTH208
            with open(f"{PROC}/{pid}/task/{thread}/children", "rb") as file:  # noqa: PTH123
                found.extend(int(child) for child in file.read().split())
    except OSError:
        return found

    return found


def descendants(root: int) -> list[Proc]:
    """Every live process below ``root``, parents before their children; no zombies.

    One walk: what is being forked or reparented at this instant may be missing.
    """
    if not _HAS_CHILDREN:
        return _below(root, everyone())

    found: list[Proc] = []
    seen = {root}
    queue = children(root)
    while queue:
        pid = queue.pop(0)
        if pid in seen:
            continue

        seen.add(pid)
        proc = read(pid)
        if proc is None:
            continue

        if not proc.ended:
            found.append(proc)

        # The main thread of a zombie may be gone while its other threads have children.
        queue.extend(children(pid))

    return found


def _below(root: int, everybody: Iterable[Proc]) -> list[Proc]:
    by_parent: dict[int, list[Proc]] = {}
    for proc in everybody:
        by_parent.setdefault(proc.ppid, []).append(proc)

    found: list[Proc] = []
    queue = [root]
    while queue:
        for proc in by_parent.pop(queue.pop(0), []):
            queue.append(proc.pid)
            if not proc.ended:
                found.append(proc)

    return found


def environment(pid: int) -> dict[str, str]:
    """The environment that a process was started with; empty when it cannot be read."""
    try:
        with open(f"{PROC}/{pid}/environ", "rb") as file:  # noqa: PTH123  pathlib is not loaded
            block = file.read()
    except OSError:
        return {}

    pairs = (entry.partition(b"=") for entry in block.split(b"\0") if entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def send(proc: Proc, *signals: int) -> bool:
    """Signal exactly this process, never a stranger that got its pid since.

    Returns:
        Whether it was there to be signalled. One that may not be signalled (EPERM) was there.
    """
    if not _HAS_PIDFD:
        return _send_by_pid(proc, signals)

    try:
        descriptor = os.pidfd_open(proc.pid)
    except OSError:
        return False

    try:
        # From here on the descriptor means one process; so compare after opening it.
        now = read(proc.pid)
        if now is None or now.start != proc.start:
            return False

        for number in signals:
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    finally:
        os.close(descriptor)

    return True


def _send_by_pid(proc: Proc, signals: Iterable[int]) -> bool:
    now = read(proc.pid)
    if now is None or now.ppid != proc.ppid:
        return False

    try:
        for number in signals:
            os.kill(proc.pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True

    return True


def send_group(pgid: int, *signals: int) -> None:
    """Signal a process group; one that is gone, or not ours, is passed over.

    The caller knows that the number still means this group: its leader is a child that has not
    been reaped, or a member was seen alive just now.

    Raises:
        ValueError: The group is 0, 1 or this process's own.
    """
    if pgid in {0, 1, os.getpgrp()}:
        raise ValueError(f"refused to signal process group {pgid}")

    for number in signals:
        try:
            os.killpg(pgid, number)
        except (ProcessLookupError, PermissionError):  # macOS says EPERM of a group of zombies
            return


def _ps() -> list[Proc]:
    """The same from ``ps``, for systems without /proc."""
    done = subprocess.run(
        ["/bin/ps", "-axo", "pid=,ppid=,pgid=,stat=,ucomm="],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
    )
    found: list[Proc] = []
    for line in done.stdout.splitlines():
        pid, ppid, pgid, state, name = line.split(None, 4)
        try:
            sid = os.getsid(int(pid))
        except OSError:
            sid = int(pgid)

        found.append(Proc(int(pid), int(ppid), int(pgid), sid, state[0], 0, name))

    return found
