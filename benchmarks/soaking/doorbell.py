"""How agents say that they have become what they are: a FIFO that each writes a line to."""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING, Final

from benchmarks.errors import BrokenError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

#: In the environment of agents: where it is.
VARIABLE: Final = "SOAK_DOORBELL"

#: Seconds that agents may take to become what they are.
READY_LIMIT: Final = 60.0

_CHUNK = 65536


class Doorbell:
    """The FIFO; its own writing end keeps it from ever ending."""

    def __init__(self, path: Path) -> None:
        """Make it."""
        os.mkfifo(path, 0o600)
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._text = ""
        self._heard: dict[str, int] = {}

    def close(self) -> None:
        """Hear nobody any more."""
        os.close(self._descriptor)

    def wait_for(self, agents: Collection[str]) -> dict[str, int]:
        """Wait until each of these agents has rung; returns their pids.

        Raises:
            BrokenError: One has not in time.
        """
        limit = time.monotonic() + READY_LIMIT
        while missing := [each for each in agents if each not in self._heard]:
            left = limit - time.monotonic()
            if left <= 0 or not select.select([self._descriptor], [], [], left)[0]:
                raise BrokenError(f"agents did not become what they are: {', '.join(missing)}")

            self._listen()

        return {each: self._heard.pop(each) for each in agents}

    def forget(self) -> None:
        """Drop what those have said whom nobody has waited for."""
        while select.select([self._descriptor], [], [], 0)[0]:
            self._listen()

        self._heard.clear()

    def _listen(self) -> None:
        *lines, self._text = (self._text + os.read(self._descriptor, _CHUNK).decode()).split("\n")
        for line in lines:
            agent, _, pid = line.partition(" ")
            self._heard[agent] = int(pid)
