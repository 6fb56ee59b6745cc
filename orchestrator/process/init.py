"""The first process of a container: passes signals on, reaps strangers, and ends last.

As pid 1 a process gets no signal that it does not handle, inherits every orphan, and takes all
others with it when it ends. An orchestrator has an event loop, which cannot reap what it does not
know. So it goes on in a child, and pid 1 does this alone. When the child has ended, the keepers
that are still stopping agents get their time.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from . import tree

#: Type checkers take it for true. `typing` itself would weigh on pid 1.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from .tree import Proc

#: Seconds that keepers get when the orchestrator has ended: more than any provider's stop takes.
LONGEST_STOP = 30.0

#: How it shows itself in ``ps`` and ``top``.
NAME = "orch-init"

#: As in `kernel`, whose import would make pid 1 a tenth larger.
KEEPER_NAME = "orch-keeper"
NURSERY_NAME = "orch-nursery"

#: What a terminal sends to its whole foreground group, so to the child as well.
_TERMINAL_SIGNALS = frozenset(
    {
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGTSTP,
        signal.SIGTTIN,
        signal.SIGTTOU,
        signal.SIGWINCH,
    }
)

# <asm-generic/siginfo.h>: sent by the kernel itself
_SI_KERNEL = 0x80

_FAILED = 1


def ensure_init(*, longest_stop: float = LONGEST_STOP) -> None:
    """Go on in a child if this is pid 1, which becomes a small init; else return at once.

    Only the child returns. Pid 1 ends with the child's status, 128 + n after signal n. Call it
    first in a program: before there are threads, and before what makes a process large.

    Args:
        longest_stop: Seconds that keepers get when the child has ended.
    """
    if os.getpid() != 1:
        return

    # The end of a child that nobody may wait for would be lost.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # What is blocked waits for pid 1 as for any other process, whatever its disposition is.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        child = os.fork()
    except OSError:
        # Without an init it still serves; what it starts next says what there is too little of.
        child = 0

    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return

    _be_init(child, longest_stop)


def _be_init(child: int, longest_stop: float) -> NoReturn:
    status = _FAILED
    try:
        _set_name()
        _let_go_of_the_wire()
        status = _accompany(child)
        _see_keepers_off(time.monotonic() + longest_stop)
    except BaseException:
        import traceback  # noqa: PLC0415  only a crash needs it

        traceback.print_exc()
        raise
    finally:
        os._exit(status)


def _set_name() -> None:
    try:
        descriptor = os.open("/proc/self/comm", os.O_WRONLY)
        os.write(descriptor, NAME.encode())
        os.close(descriptor)
    except OSError:
        return


def _let_go_of_the_wire() -> None:
    """Hold neither end of the client's pipes: the client is to see when the child has ended."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(null, number)

    os.close(null)


def _accompany(child: int) -> int:
    """Pass signals on and reap, until the child has ended.

    Returns:
        The exit status that tells its end.
    """
    while True:
        info = signal.sigwaitinfo(signal.valid_signals())
        if info.si_signo == signal.SIGCHLD:
            status = _reap().get(child)
            if status is not None:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code

        elif info.si_code != _SI_KERNEL or info.si_signo not in _TERMINAL_SIGNALS:
            # It has not been reaped, so its number is its own.
            os.kill(child, info.si_signo)


def _reap() -> dict[int, int]:
    """Collect everyone who has ended, without waiting; the wait status of each."""
    ended: dict[int, int] = {}
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return ended

            ended[pid] = status
    except ChildProcessError:
        return ended


def _see_keepers_off(deadline: float) -> None:
    """Have every keeper stop its agent with its grace, and wait for their ends."""
    asked: set[int] = set()
    while True:
        _reap()
        nurseries, keepers = _family()
        if not nurseries and not keepers:
            return

        # One whose lifeline has ended is at it already. One whose agent is to outlive the
        # orchestrator is not, and nobody outlives pid 1.
        for keeper in keepers:
            if keeper.pid not in asked:
                asked.add(keeper.pid)
                tree.send(keeper, signal.SIGTERM)

        left = deadline - time.monotonic()
        if left <= 0:
            sys.stderr.write(
                "orchestrator: pid 1 cannot wait any longer and ends; agents that were still being"
                f" stopped get SIGKILL: {len(keepers)}\n"
            )
            return

        signal.sigtimedwait({signal.SIGCHLD}, left)


def _family() -> tuple[list[Proc], list[Proc]]:
    """Find the live nurseries, which have fallen to pid 1, and all keepers."""
    children = [proc for pid in tree.own_children() if (proc := tree.read(pid)) and not proc.ended]
    nurseries = [proc for proc in children if proc.name == NURSERY_NAME]
    below = [proc for nursery in nurseries for proc in tree.descendants(nursery.pid)]
    own = {nursery.pid for nursery in nurseries}
    keepers = [
        proc for proc in (*children, *below) if proc.name == KEEPER_NAME and proc.ppid in {1, *own}
    ]
    return nurseries, keepers
