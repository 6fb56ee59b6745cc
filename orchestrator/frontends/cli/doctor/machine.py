"""What this machine offers for keeping the promise: checks that change nothing."""

from __future__ import annotations

import os
import platform
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orchestrator.process import kernel
from orchestrator.process.scope import probe

from .check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

_CGROUP_ROOT: Final = Path("/sys/fs/cgroup")

#: Per live agent, an orchestrator holds a socket; this many files carry 200 agents with ease.
_FILES_WANTED: Final = 1_024

#: An agent is a keeper, a CLI, its relay and its tools.
_PROCESSES_WANTED: Final = 512


def machine() -> Iterator[Check]:
    """Look at the system and the kernel."""
    yield _platform()
    yield Check("Python", "ok", f"{platform.python_version()} ({sys.executable})")
    yield _subreaper()
    yield _pidfd()
    yield _parent_death()
    yield _children_file()
    yield _cgroup()


def limits() -> Iterator[Check]:
    """Look at what this user and this group of processes may have."""
    yield _limit("open files", resource.RLIMIT_NOFILE, _FILES_WANTED, "ulimit -n")
    yield _limit("processes of this user", resource.RLIMIT_NPROC, _PROCESSES_WANTED, "ulimit -u")
    yield _pids_max()


def _platform() -> Check:
    found = f"{platform.system()} {platform.release()} {platform.machine()}"
    if kernel.LINUX:
        return Check("platform", "ok", found)

    if sys.platform == "darwin":
        return Check(
            "platform",
            "warning",
            found,
            "agents are contained by group, session and cookie; a daemon that hides all three "
            "is found on Linux only",
        )

    return Check("platform", "broken", found, "use Linux or macOS")


def _subreaper() -> Check:
    # This process ends soon; being one for so long changes nothing.
    if kernel.become_subreaper() and kernel.is_subreaper():
        return Check("child subreaper", "ok", "orphans fall to their agent's keeper")

    return Check(
        "child subreaper",
        "warning",
        "not offered",
        "an orphan that left its session is looked for by its cookie instead",
    )


def _pidfd() -> Check:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        return Check(
            "pidfd",
            "warning",
            f"not offered ({error})",
            "a signal is checked by pid and start time alone; a kernel from 5.3 on is better",
        )

    return Check("pidfd", "ok", "a signal cannot reach a stranger with a recycled pid")


def _parent_death() -> Check:
    if kernel.LINUX:
        return Check("parent-death signal", "ok", "an agent whose keeper is killed is killed too")

    return Check(
        "parent-death signal",
        "warning",
        "not offered",
        "an agent whose keeper is killed is swept at the next start",
    )


def _children_file() -> Check:
    if Path(f"/proc/self/task/{os.getpid()}/children").exists():
        return Check("/proc children file", "ok", "an agent's tree is read in 0.1 ms")

    return Check(
        "/proc children file",
        "note",
        "not offered",
        "trees are read from the list of all processes, which takes longer",
    )


def _cgroup() -> Check:
    offer = probe()
    if offer.path is None:
        return Check(
            "control groups",
            "note",
            f"agents get none: {offer.why}",
            "a fork bomb that calls setsid in every generation may outrun SIGKILL; memory is "
            "watched instead of limited",
        )

    can = [
        word
        for word, offered in (
            ("kill", offer.kill),
            ("freeze", offer.freeze),
            ("memory limit", offer.memory),
        )
        if offered
    ]
    where = f"{offer.path}, {'by systemd-run' if offer.scope else 'its own'}"
    return Check("control groups", "ok", f"one for each agent ({where}): {', '.join(can)}")


def own_cgroup() -> Path | None:
    """Return the folder of this process's cgroup (v2); None where there is none."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None

    for line in lines:
        if line.startswith("0::"):
            folder = _CGROUP_ROOT / line[3:].lstrip("/")
            return folder if (folder / "cgroup.procs").exists() else None

    return None


def _limit(name: str, number: int, wanted: int, command: str) -> Check:
    soft, hard = resource.getrlimit(number)
    found = f"{_said(soft)} (at most {_said(hard)})"
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return Check(name, "ok", found)

    return Check(name, "warning", found, f"raise it before many agents: {command} {wanted}")


def _said(limit: int) -> str:
    return "unlimited" if limit == resource.RLIM_INFINITY else str(limit)


def _pids_max() -> Check:
    own = own_cgroup()
    candidates = [own / "pids.max"] if own else []
    candidates.append(_CGROUP_ROOT / "pids" / "pids.max")
    for path in candidates:
        try:
            text = path.read_text().strip()
        except OSError:
            continue

        if text == "max" or int(text) >= _PROCESSES_WANTED:
            return Check("pids.max", "ok", f"{text} ({path})")

        return Check("pids.max", "warning", f"{text} ({path})", "give this group more processes")

    return Check("pids.max", "note", "no such limit is set for this group of processes")
