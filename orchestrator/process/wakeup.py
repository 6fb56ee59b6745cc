"""Signals as bytes in a pipe, so that one poll waits for everything."""

from __future__ import annotations

import os
import signal

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_CHUNK = 65536


class Wakeup:
    """The pipe that the interpreter writes the number of each handled signal into.

    There is one in a process at a time. As a context manager it ends with the block.

    Attributes:
        reader: The descriptor that is readable when a signal has come.
    """

    def __init__(self) -> None:
        """Have signals written into it from here on."""
        self.reader, self._writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.set_blocking(self._writer, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Have nothing written any more, and close both ends."""
        signal.set_wakeup_fd(-1)
        self.let_go()

    def let_go(self) -> None:
        """Close what a fork has copied, before this process makes its own."""
        os.close(self.reader)
        os.close(self._writer)

    def take(self) -> bytes:
        """Return the numbers of the signals that came, as bytes."""
        try:
            return os.read(self.reader, _CHUNK)
        except BlockingIOError:
            return b""
