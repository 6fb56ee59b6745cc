"""Keepers and nurseries that do not do their work: stopped ones go on, stuck keepers are ended."""

from __future__ import annotations

import logging
import signal
from typing import TYPE_CHECKING, Final

import anyio

from . import tree
from .identity import send, wait_gone
from .kernel import NURSERY_NAME

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


def wake_nurseries() -> None:
    """Let every nursery go on that somebody has stopped.

    One whose orchestrator has ended meanwhile would stay for ever, with whom it has to sweep. To
    go on harms none: nurseries are not stopped for any purpose of their own.
    """
    for proc in tree.everyone():
        if proc.name == NURSERY_NAME and proc.state == "T":
            tree.send(proc, signal.SIGCONT)
