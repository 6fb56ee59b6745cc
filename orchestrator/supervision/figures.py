"""What one process uses at one moment: from /proc, and by psutil where there is none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

import psutil

from orchestrator.process import tree
from orchestrator.process.identity import alive, boot_id
from orchestrator.process.kernel_files import read_file

if TYPE_CHECKING:
    from orchestrator.model import ProcessIdentity
    from orchestrator.process.tree import Proc

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Figures(NamedTuple):
    """What one process uses.

    Attributes:
        own_s: CPU seconds of its own.
        children_s: CPU seconds of the children that it has waited for.
        rss_bytes: Resident memory, shared pages included.
        threads: How many it has.
        open_files: File descriptors that it holds; None where that may not be seen, or was not
            asked for.
        created: When it was started, in Unix time; None where its `Proc` says that more exactly.
    """

    own_s: float
    children_s: float
    rss_bytes: int
    threads: int
    open_files: int | None
    created: float | None


def measure_process(proc: Proc, *, open_files: bool) -> Figures | None:
    """Measure a process that was seen a moment ago.

    Args:
        proc: What was seen.
        open_files: Count its descriptors as well.

    Returns:
        None when it is gone: its pid was not its own any more when all of it had been read.

    Raises:
        PermissionError: It may not be looked at.
    """
    if not tree.HAS_PROC:
        return _by_psutil(proc, open_files=open_files)

    memory = read_file(f"{tree.PROC}/{proc.pid}/statm").split()
    files = _open_files(proc.pid) if open_files else None
    # The last of all, for it says whose all of it was.
    now = tree.read(proc.pid)
    if now is None or now.start != proc.start:
        return None

    return Figures(
        own_s=now.cpu_s - now.children_s,
        children_s=now.children_s,
        # `stat` has the resident pages as well; the kernel calls them inaccurate there.
        rss_bytes=int(memory[1]) * _PAGE if memory else 0,
        threads=now.threads,
        open_files=files,
        created=None,
    )


def waited_seconds(identity: ProcessIdentity) -> float | None:
    """Return the CPU seconds of the children that exactly this process has waited for.

    Returns:
        None when it is not there any more.
    """
    if not tree.HAS_PROC:
        return _waited_by_psutil(identity)

    now = tree.read(identity.pid) if identity.boot_id == boot_id() else None
    if now is None or now.ended or now.start != identity.start_ticks:
        return None

    return now.children_s


def _open_files(pid: int) -> int | None:
    try:
        return len(os.listdir(f"{tree.PROC}/{pid}/fd"))  # noqa: PTH208  half the time
    except OSError:
        return None


def _by_psutil(proc: Proc, *, open_files: bool) -> Figures | None:
    try:
        process = psutil.Process(proc.pid)
        with process.oneshot():
            memory = process.memory_info()
            times = process.cpu_times()
            created = process.create_time()
            threads = process.num_threads()

        files = _files_by_psutil(process) if open_files else None
        if not process.is_running() or process.ppid() != proc.ppid:
            return None
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied as error:
        raise PermissionError(*error.args) from error

    return Figures(
        own_s=times.user + times.system,
        children_s=times.children_user + times.children_system,
        rss_bytes=memory.rss,
        threads=threads,
        open_files=files,
        created=created,
    )


def _files_by_psutil(process: psutil.Process) -> int | None:
    try:
        return process.num_fds()
    except psutil.AccessDenied:
        return None


def _waited_by_psutil(identity: ProcessIdentity) -> float | None:
    try:
        times = psutil.Process(identity.pid).cpu_times()
    except psutil.Error:
        return 0.0 if alive(identity) else None

    return times.children_user + times.children_system if alive(identity) else None
