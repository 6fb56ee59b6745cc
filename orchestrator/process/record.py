"""What a keeper writes to disk: how its agent ended, and a line in the log."""

from __future__ import annotations

import os
import signal
import time

from .wire import encode

#: Type checkers take it for true. `typing` itself would weigh on every keeper's fork.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from .wire import OutcomeMessage

_PRIVATE = 0o600

#: Bytes that are reserved for an outcome; more than one has that names some fifty processes.
ROOM = 8192

#: The file that holds the room, beside the outcome.
PART = ".part"


class OutcomeFile:
    """The place for an outcome, reserved while there is room: a disk may be full at the end."""

    def __init__(self, path: str) -> None:
        """Reserve it; where that is not possible, `write` tries once more."""
        self._path = path
        self._part = path + PART
        self._descriptor = -1
        try:
            self._descriptor = self._create()
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._descriptor, 0, ROOM)
        except OSError:
            return

    def write(self, outcome: OutcomeMessage) -> bool:
        """Write it, all of it or nothing; False when it cannot be written."""
        try:
            if self._descriptor < 0:
                self._descriptor = self._create()

            rest = encode(outcome)
            size = len(rest)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]

            os.ftruncate(self._descriptor, size)
            os.close(self._descriptor)
            os.replace(self._part, self._path)  # noqa: PTH105  pathlib is not loaded here
        except OSError:
            return False

        return True

    def _create(self) -> int:
        # Nothing that somebody has put there beforehand is opened, a FIFO least of all.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            return os.open(self._part, flags, _PRIVATE)
        except FileExistsError:
            self._part = f"{self._path}.{os.urandom(4).hex()}{PART}"
            return os.open(self._part, flags, _PRIVATE)


def log_line(outcome: OutcomeMessage) -> str:
    """Say in one line how an agent ended, and what was done to end it."""
    kind, number = outcome["exit"] or ("not ended by", signal.SIGKILL)
    how = f"exit {number}" if kind == "code" else f"{kind} {number}"
    receipt = outcome["receipt"]
    said = ""
    if receipt:
        what = "stopped" if outcome["requested"] else "swept"
        said = (
            f" {what} reason={receipt['reason']!r} signalled={len(receipt['signalled'])}"
            f" escapees={len(receipt['escapees'])} killed={len(receipt['killed'])}"
            f" survivors={len(receipt['survivors'])} ms={receipt['duration_ms']:.0f}"
        )

    return f"agent {outcome['agent_id']} pid={outcome['pid']} ended {how}{said}"


def append_to_log(path: str, said: str) -> None:
    """Add a line to the log that keepers and orchestrators share, if it can be written."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime())
    line = f"{now} keeper {os.getpid()}: {said}\n"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(path, flags, _PRIVATE)
        os.write(descriptor, line.encode("utf-8", "backslashreplace"))
        os.close(descriptor)
    except OSError:
        return
