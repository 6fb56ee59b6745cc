"""Keepers and nurseries that do not do their work: stopped ones go on, stuck keepers are ended."""

from __future__ import annotations

import logging
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio

from . import tree
from .identity import send, wait_gone
from .kernel import NURSERY_NAME
from .nursery_process import LOG_VARIABLE

if TYPE_CHECKING:
    from orchestrator.model import ProcessIdentity

    from .tree import Proc

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


def wake_nurseries(folder: Path) -> None:
    """Let every nursery of a workspace go on that somebody has stopped.

    One whose orchestrator has ended meanwhile would stay for ever, with whom it has to sweep. To
    go on harms none: nurseries are not stopped for any purpose of their own.

    Args:
        folder: The one that has the logs of its nurseries.
    """
    for proc in tree.everyone():
        if proc.name == NURSERY_NAME and proc.state == "T" and _logs_to(proc, folder):
            tree.send(proc, signal.SIGCONT)


def _logs_to(nursery: Proc, folder: Path) -> bool:
    log = tree.environment(nursery.pid).get(LOG_VARIABLE)
    try:
        return log is not None and Path(log).parent.samefile(folder)
    except OSError:
        return False
