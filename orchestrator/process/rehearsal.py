"""The rehearsal: lives of keepers, played in the nursery before it forks the first one.

What CPython and the C library do once in a process (specialise bytecode, fill the caches of types
and attributes, look up symbols) every keeper would do again, each in pages of its own. Played here
it is done before the fork, and shared. Measured on CPython 3.11, without a control group: a keeper
has 1.03 MB of its own instead of 1.37, and takes a quarter less CPU for its start. It costs the
nursery 20 to 30 ms.
"""

from __future__ import annotations

import gc
import os
import socket

from .keeper import Keeper
from .wakeup import Wakeup
from .wire import send

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from .wire import LaunchMessage, StopMessage

#: CPython specialises a function at its eighth call; more rounds bring nothing that was seen.
ROUNDS = 8

# Nothing is to be kept of it: an outcome has no place below a device.
_NOWHERE = os.devnull

#: An agent that waits to be ended, without having to wait for anything itself.
_PLAYED: LaunchMessage = {
    "agent_id": "rehearsal",
    "path": "/bin/sh",
    "argv": ["sh", "-c", "kill -STOP $$"],
    "env": {},
    "cwd": "/",
    "prompt": _NOWHERE,
    "stdout": _NOWHERE,
    "stderr": _NOWHERE,
    "outcome": f"{_NOWHERE}/outcome",
    "log": _NOWHERE,
    "policy": {
        "polite_signal": None,
        "polite_grace": 0.0,
        "term_grace": 0.2,
        "linger": 0.0,
        "kill_limit": 1.0,
    },
    "limits": {"wall_clock": None, "idle": None, "memory": None, "output": None},
    "door": None,
    "orphan_limit": None,
}
_STOP: StopMessage = {"op": "stop", "reason": "rehearsed", "policy": None, "limit": None}

#: Objects of each of the sizes that CPython's own allocator has pages for.
_STUFFING = 20
_SIZES = range(48, 513, 16)
_HEADER = 33  # of a `bytes`


def rehearse(base: str | None, *, contained: bool) -> object:
    """Play the lives; call it before this process has any child, and keep what it returns.

    It leaves no process. Where nothing can be started it ends early, and keepers are as they were.

    Args:
        base: The folder in which agents have their control groups; None where there is none.
        contained: This process is a subreaper.

    Returns:
        What fills the gaps that were left in memory: whatever a keeper allocates then lies close
        together, and not in one page here and one there.
    """
    for _ in range(ROUNDS):
        if not _play(base, contained=contained):
            break

    gc.collect()  # what it would find later would leave gaps again
    return [[bytes(size - _HEADER) for _ in range(_STUFFING)] for size in _SIZES]


def _play(base: str | None, *, contained: bool) -> bool:
    """Be the keeper of one agent, from its order to its end; False when it did not start."""
    ours, theirs = socket.socketpair()
    with ours, theirs, Wakeup() as wakeup:
        send(ours.fileno(), _PLAYED)
        send(ours.fileno(), _STOP)
        keeper = Keeper(theirs.fileno(), wakeup, base, contained=contained)
        started = keeper.launch()
        if started:
            keeper.keep()

    return started
