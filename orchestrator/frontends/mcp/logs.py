"""Logging to standard error, which never makes the server wait for whoever should read it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from orchestrator.errors import InvalidInputError

from .descriptors import Descriptor
from .wire import STDERR

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVEL_VARIABLE: Final = "ORCHESTRATOR_LOG"
FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class StderrHandler(logging.Handler):
    """Writes records to a descriptor; what does not fit at once is dropped, and counted.

    A client may start a server and never read its standard error. When that pipe is full, a
    plain handler would stop the event loop, and with it the shutdown.
    """

    def __init__(self, descriptor: Descriptor) -> None:
        """Take a descriptor that has been entered."""
        super().__init__()
        self._descriptor = descriptor
        self._dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            text = f"{self.format(record)}\n"
        except Exception:  # noqa: BLE001  as every handler: logging must not raise
            self.handleError(record)
            return

        if self._dropped:
            text = f"({self._dropped} log entries dropped: nobody read them)\n{text}"

        if self._write(text.encode("utf-8", "backslashreplace")):
            self._dropped = 0
        else:
            self._dropped += 1

    def _write(self, data: bytes) -> bool:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._descriptor.write(rest) :]
            except OSError:
                return False

        return True


def set_up_logging(variables: Mapping[str, str]) -> None:
    """Send every log record to standard error, one line per event.

    Args:
        variables: The environment; ``ORCHESTRATOR_LOG`` names the level, INFO if it does not.

    Raises:
        InvalidInputError: It names what is no level.
    """
    named = variables.get(LEVEL_VARIABLE, "").strip().upper() or "INFO"
    level = logging.getLevelNamesMapping().get(named)
    if level is None:
        raise InvalidInputError(
            f"{LEVEL_VARIABLE} must be DEBUG, INFO, WARNING or ERROR, not {named!r}"
        )

    handler = StderrHandler(Descriptor(STDERR).__enter__())
    handler.setFormatter(logging.Formatter(FORMAT))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # The SDK's own news are about its inside, and would come with every call.
    logging.getLogger("mcp").setLevel(max(level, logging.WARNING))
