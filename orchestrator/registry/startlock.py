"""Being the only process that makes, migrates or sets aside the registry's file."""

from __future__ import annotations

import fcntl
import math
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from orchestrator.errors import RegistryError

from .atomic import FILE_MODE

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

#: Seconds between two tries; flock has no time limit of its own.
_PAUSE: Final = 0.005


@contextmanager
def locked(path: Path, patience: float) -> Generator[None]:
    """Hold the lock file for the length of the block; the kernel frees it with the process.

    Args:
        path: The lock file, made when missing.
        patience: How long to wait for another process, in seconds.

    Raises:
        RegistryError: Another process held it all that time.
        OSError: It cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        os.fchmod(descriptor, FILE_MODE)
        _lock(descriptor, path, patience)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, patience: float) -> None:
    pause = threading.Event()
    # Counted, as sqlite counts its own waits: by the clock, a process that stood still for that
    # long itself, as on a busy machine, would give up after a single try.
    for _ in range(1 + math.ceil(patience / _PAUSE)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pause.wait(_PAUSE)
        else:
            return

    raise RegistryError(
        f"{path} was held by another process for {patience:g} s; is an orchestrator "
        "suspended? Let it go on (kill -CONT) or end it, and try again"
    )
