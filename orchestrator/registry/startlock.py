"""Being the only process that makes, migrates or sets aside the registry's file."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orchestrator.errors import RegistryError

from .atomic import FILE_MODE

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


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
    deadline = time.monotonic() + patience
    pause = threading.Event()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise RegistryError(
                    f"{path} was held by another process for {patience:g} s; is an orchestrator "
                    "suspended? Let it go on (kill -CONT) or end it, and try again"
                ) from None

            # flock has no time limit of its own
            pause.wait(0.005)
        else:
            return
