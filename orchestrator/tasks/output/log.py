"""A log as an open file of a known size."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchestrator.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@dataclass(frozen=True)
class Log:
    """An open log; what is appended later is not looked at.

    Attributes:
        path: Where it was.
        descriptor: The open file; -1 when there is no such file.
        size: In bytes; 0 when there is no such file.
        modified: When it was last written to, local time without a zone; None without a file.
    """

    path: Path
    descriptor: int
    size: int
    modified: datetime | None


@contextmanager
def opened(path: Path) -> Generator[Log]:
    """Open a log; one that is not there is an empty one.

    Raises:
        NotFoundError: It is there but cannot be read, or is no regular file.
    """
    try:
        # A pipe in the log's place must not make the reader wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        yield Log(path, -1, 0, None)
        return
    except OSError as error:
        raise NotFoundError(
            f"The log {path} cannot be read: {error.strerror}; check who owns it"
        ) from error

    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NotFoundError(f"The log {path} is no regular file; remove what replaced it")

        written = datetime.fromtimestamp(found.st_mtime, UTC).astimezone().replace(tzinfo=None)
        yield Log(path, descriptor, found.st_size, written)
    finally:
        os.close(descriptor)
