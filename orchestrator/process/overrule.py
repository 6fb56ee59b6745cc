"""Ending a keeper that does not do its work: one that was stopped, is traced, or is stuck."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING, Final

import anyio

from .identity import send, wait_gone

if TYPE_CHECKING:
    from orchestrator.model import ProcessIdentity

logger = logging.getLogger(__name__)

#: Seconds that a keeper gets when it has been continued.
CONTINUED: Final = 1.0

#: Seconds for the kernel to end one that got SIGKILL.
_KILLED: Final = 5.0


async def overrule(keeper: ProcessIdentity, *, after: float) -> None:
    """Wait for a keeper's end, and force it when it is overdue.

    Its agent gets SIGKILL from the kernel then, and its nursery sweeps the rest.

    Args:
        keeper: Which one.
        after: Seconds that it may take.
    """
    send(keeper, signal.SIGCONT)
    with anyio.move_on_after(after):
        await wait_gone(keeper)
        return

    send(keeper, signal.SIGCONT)
    with anyio.move_on_after(CONTINUED):
        await wait_gone(keeper)
        return

    logger.warning("keeper pid=%d does not end its agent: it gets SIGKILL", keeper.pid)
    send(keeper, signal.SIGKILL)
    with anyio.move_on_after(_KILLED):
        await wait_gone(keeper)
