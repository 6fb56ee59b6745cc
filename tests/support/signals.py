"""Ending several processes in one blow."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def kill_at_once(pids: Iterable[int]) -> None:
    """Kill these; nobody of them runs any more when the first one dies."""
    pids = tuple(pids)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, number)
