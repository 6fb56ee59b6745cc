"""The signals that end a command which has agents."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import TaskStatus

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def watch_signals(
    heard: Callable[[signal.Signals], None],
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Call back for each signal, until cancelled.

    What was ignored when the command was started (nohup, a shell's background job) stays ignored.
    """
    heeded = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    if not heeded:
        task_status.started()
        return

    with anyio.open_signal_receiver(*heeded) as received:
        task_status.started()
        async for number in received:
            heard(signal.Signals(number))
