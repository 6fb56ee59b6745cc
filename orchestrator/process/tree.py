"""The processes that are there: who descends from whom, and who is who."""

from __future__ import annotations

import os
import signal

from .kernel_files import read_file

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PROC = "/proc"
HAS_PROC = os.path.exists(f"{PROC}/self/stat")  # noqa: PTH110  pathlib is not loaded here
_HAS_CHILDREN = os.path.exists(f"{PROC}/self/task/{os.getpid()}/children")  # noqa: PTH110
_HAS_PIDFD = hasattr(os, "pidfd_open")

#: States of /proc/PID/stat in which a process has ended already.
_ENDED = frozenset("ZXx")

#: What /proc/PID/stat counts in.
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Proc:
    """One process at one moment; a plain class, because the modules that make records are heavy.

    `start` is field 22 of ``/proc/PID/stat`` (clock ticks since boot), 0 where there is no /proc.
    `cpu_s` is seconds of CPU, with those of the children that it has waited for, which are
    `children_s` (0 from ``ps``). `rss` is bytes of resident memory; what is shared counts in full.
    """

    __slots__ = (
        "children_s",
        "cpu_s",
        "name",
        "pgid",
        "pid",
        "ppid",
        "rss",
        "sid",
        "start",
        "state",
        "threads",
    )

    def __init__(
        self,
        *,
        pid: int,
        ppid: int,
        pgid: int,
        sid: int,
        state: str,
        start: int,
        name: str,
        threads: int = 1,
        cpu_s: float = 0.0,
        children_s: float = 0.0,
        rss: int = 0,
    ) -> None:
        """Take what was read."""
        self.threads = threads
        self.cpu_s = cpu_s
        self.children_s = children_s
        self.rss = rss
        self.pid = pid
        self.ppid = ppid
        self.pgid = pgid
        self.sid = sid
        self.state = state
        self.start = start
        self.name = name

    def __repr__(self) -> str:
        """E.g. ``<Proc 4711 sleep S, child of 4700, session 4711>``."""
        return (
            f"<Proc {self.pid} {self.name} {self.state}, child of {self.ppid}, session {self.sid}>"
        )

    @property
    def ended(self) -> bool:
        """It is a zombie, or less.

        One whose main thread alone has ended looks like a zombie, but its other threads run on.
        """
        return self.state in _ENDED and self.threads <= 1


def read(pid: int) -> Proc | None:
    """Look at one process; None when there is none."""
    if not HAS_PROC:
        return next((proc for proc in _ps() if proc.pid == pid), None)

    line = read_file(f"{PROC}/{pid}/stat")
    if not line:
        return None

    # The name stands in parentheses and may hold any character, parentheses as well.
    opening, closing = line.index(b"("), line.rindex(b")")
    fields = line[closing + 2 :].split()
    return Proc(
        pid=pid,
        ppid=int(fields[1]),
        pgid=int(fields[2]),
        sid=int(fields[3]),
        state=fields[0].decode(),
        threads=int(fields[17]),
        start=int(fields[19]),
        name=line[opening + 1 : closing].decode("utf-8", "replace"),
        cpu_s=sum(map(int, fields[11:15])) / _TICKS,
        children_s=sum(map(int, fields[13:15])) / _TICKS,
        rss=int(fields[21]) * _PAGE,
    )


def start_of(pid: int) -> int:
    """The start of a process alone, as in `Proc`; 0 where it cannot be seen.

    A fresh keeper asks for two, and making a `Proc` of them would cost it 4 % of its memory.
    """
    line = read_file(f"{PROC}/{pid}/stat")
    # The first field behind the name is the third of all.
    return int(line[line.rindex(b")") + 2 :].split(None, 20)[19]) if line else 0


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
        threads = os.listdir(f"{PROC}/{pid}/task")  # noqa: PTH208  pathlib is not loaded here
    except OSError:
        return found

    for thread in threads:
        found.extend(_listed(f"{PROC}/{pid}/task/{thread}/children"))

    return found


def own_children() -> list[int]:
    """The same of this process, which has one thread."""
    pid = os.getpid()
    if not _HAS_CHILDREN:
        return children(pid)

    return _listed(f"{PROC}/self/task/{pid}/children")


def _listed(path: str) -> list[int]:
    return list(map(int, read_file(path).split()))


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

        queue.extend(_children_of(proc))

    return found


def _children_of(proc: Proc) -> list[int]:
    """The children of all its threads; the main thread of a zombie may be gone before others."""
    if proc.threads > 1:
        return children(proc.pid)

    return _listed(f"{PROC}/{proc.pid}/task/{proc.pid}/children")


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
    block = read_file(f"{PROC}/{pid}/environ") or _environ_of_a_thread(pid)
    pairs = (entry.partition(b"=") for entry in block.split(b"\0") if entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def _environ_of_a_thread(pid: int) -> bytes:
    proc = read(pid)
    return b"" if proc is None else _of_a_thread(proc, "environ")


def _of_a_thread(proc: Proc, file: str) -> bytes:
    """Ask the other threads of a process whose main thread has ended; empty of any other."""
    if proc.state not in _ENDED or proc.ended:
        return b""

    try:
        threads = os.listdir(f"{PROC}/{proc.pid}/task")  # noqa: PTH208
    except OSError:
        return b""

    return next(
        filter(None, (read_file(f"{PROC}/{proc.pid}/task/{t}/{file}") for t in threads)), b""
    )


def memory_share(proc: Proc) -> int:
    """Bytes of resident memory, what is shared being divided by those who share it (PSS).

    It takes the kernel about a millisecond for 100 MB. Where it does not say, what is shared counts
    in full; 0 when the process is gone.
    """
    if not HAS_PROC:
        return proc.rss

    text = read_file(f"{PROC}/{proc.pid}/smaps_rollup") or _of_a_thread(proc, "smaps_rollup")
    _, found, rest = text.partition(b"\nPss:")
    if found:
        return int(rest.split(None, 1)[0]) * 1024

    now = read(proc.pid)
    return now.rss if now is not None and now.start == proc.start else 0


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
    # Where there is /proc nobody pays for it: it loads `threading`, whose own work after a fork
    # took longer than all the rest of the fork.
    from . import ps  # noqa: PLC0415

    return [Proc(**seen, start=0) for seen in ps.listed()]
