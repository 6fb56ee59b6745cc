"""What Python's standard library has no call for: subreaper, parent-death signal, name."""

from __future__ import annotations

import ctypes
import os
import sys

# <linux/prctl.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37

#: How much likelier than its orchestrator an agent is chosen when memory runs out.
OOM_SCORE_RAISE = 300
_OOM_SCORE_MAX = 1000

#: How the two show themselves in ``ps`` and ``top``.
KEEPER_NAME = "orch-keeper"
NURSERY_NAME = "orch-nursery"

LINUX = sys.platform.startswith("linux")

# `PyDLL` and a function that is looked up once: keepers and agents call it in their first moments,
# and what a call does around the call itself (errno, releasing the lock) costs ten times as much.
_call = ctypes.PyDLL(None).prctl if LINUX else None


def _prctl(option: int, argument: object) -> bool:
    return _call is not None and _call(option, argument, 0, 0, 0) == 0


def become_subreaper() -> bool:
    """Let orphaned descendants reparent to this process; False where there is no such thing."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def is_subreaper() -> bool:
    """Whether this process is a child subreaper."""
    flag = ctypes.c_int(0)
    return _prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(flag)) and flag.value == 1


def die_with_parent(signal_number: int, parent: int) -> None:
    """Get a signal when the parent's thread ends; call it in the child, right after the fork.

    Args:
        signal_number: The signal to get.
        parent: Its pid before the fork: when it is gone already, this process ends here.
    """
    _prctl(_PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:
        os._exit(125)


def set_name(name: str) -> None:
    """Set the short name that ``ps`` and ``top`` show; 15 bytes of it are kept."""
    _prctl(_PR_SET_NAME, name.encode())


def raise_oom_score() -> None:
    """Make this process a likelier victim of the kernel than the one that started it."""
    try:
        # A plain descriptor: a text file costs more than all the rest of what an agent's start
        # does between fork and exec.
        descriptor = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return

    try:
        score = min(_OOM_SCORE_MAX, int(os.read(descriptor, 16)) + OOM_SCORE_RAISE)
        os.pwrite(descriptor, str(score).encode(), 0)
    except OSError:
        pass
    finally:
        os.close(descriptor)
