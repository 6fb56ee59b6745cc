"""What is known of operating system processes: who one is, and how one ended."""

from __future__ import annotations

import signal
from typing import Annotated, Literal

from pydantic import Field

from .base import Noun


class ProcessIdentity(Noun):
    """Who a process is, so that a stranger with a recycled pid is never taken for it.

    Attributes:
        pid: The process id.
        start_ticks: Field 22 of ``/proc/PID/stat``: clock ticks from boot to its start. On
            systems without /proc, its start time in microseconds.
        boot_id: The boot in which pid and ticks mean something.
    """

    pid: int
    start_ticks: int
    boot_id: str


class ProcessNote(Noun):
    """One process as it is listed in an outcome or a receipt.

    Attributes:
        pid: The process id that it had.
        name: The kernel's short name of the program, 15 bytes at most.
        session: The session it was in (``sid``); differs from the agent's pid for an escapee.
    """

    pid: int
    name: str
    session: int


class ExitedWithCode(Noun):
    """The leader called ``exit``; ``code`` is 0 to 255."""

    kind: Literal["code"] = "code"
    code: int

    def __str__(self) -> str:
        """E.g. ``exit 3``."""
        return f"exit {self.code}"


class KilledBySignal(Noun):
    """A signal ended the leader."""

    kind: Literal["signal"] = "signal"
    signal: int

    def __str__(self) -> str:
        """E.g. ``SIGKILL``."""
        try:
            return signal.Signals(self.signal).name
        except ValueError:
            return f"signal {self.signal}"


Exit = Annotated[ExitedWithCode | KilledBySignal, Field(discriminator="kind")]
