"""Who a process is: reading an identity, and acting on exactly the process that it names."""

from __future__ import annotations

import functools
import os
import signal
from contextlib import suppress
from pathlib import Path

import anyio
import psutil

from orchestrator.model import ProcessIdentity

from . import tree

_MICROSECONDS = 1_000_000
_POLL = 0.1


@functools.cache
def boot_id() -> str:
    """Name this boot of the machine, and the pid namespace: what pids and start times refer to.

    In another container the same pid is somebody else's.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return f"boot-{psutil.boot_time():.0f}"


def identify(pid: int) -> ProcessIdentity | None:
    """Read the identity of a live process; None when there is none, or only its zombie."""
    if tree.HAS_PROC:
        proc = tree.read(pid)
        if proc is None or proc.ended:
            return None

        return ProcessIdentity(pid=pid, start_ticks=proc.start, boot_id=boot_id())

    try:
        started = psutil.Process(pid).create_time()
    except psutil.Error:
        return None

    return ProcessIdentity(pid=pid, start_ticks=round(started * _MICROSECONDS), boot_id=boot_id())


def alive(identity: ProcessIdentity) -> bool:
    """Whether exactly this process lives; a zombie, a stranger or another boot does not count."""
    return identity.boot_id == boot_id() and identify(identity.pid) == identity


def send(identity: ProcessIdentity, number: int) -> bool:
    """Signal exactly this process.

    The identity is compared while a pidfd holds the process, so that between the comparison and
    the signal its pid cannot become a stranger's.

    Returns:
        Whether it was there to be signalled. One that may not be signalled (EPERM) was there.
    """
    if not hasattr(os, "pidfd_open"):
        there = alive(identity)
        with suppress(PermissionError):
            if there:
                os.kill(identity.pid, number)

        return there

    try:
        descriptor = os.pidfd_open(identity.pid)
    except OSError:
        return False

    try:
        there = alive(identity)
        if there:
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    finally:
        os.close(descriptor)

    return there


async def wait_gone(identity: ProcessIdentity) -> None:
    """Wait until exactly this process has ended, told by the kernel where it can tell."""
    try:
        descriptor = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):
        # There is no event: this system has no pidfd, or no descriptor is free.
        while alive(identity):  # noqa: ASYNC110
            await anyio.sleep(_POLL)

        return

    try:
        if alive(identity):
            await anyio.wait_readable(descriptor)
    finally:
        os.close(descriptor)
