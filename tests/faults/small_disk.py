"""A small file system of its own, in a mount namespace that only its users enter."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.evidence import LONG
from tests.support.mcp_server import ROOT

if TYPE_CHECKING:
    from collections.abc import Generator

_SCRIPT: Final = 'mount -t tmpfs -o "$1" tmpfs "$2" && echo ready && exec cat'


class SmallDisk:
    """A tmpfs; made by `open_small_disk`.

    Attributes:
        inside: Where it is for a process that was started with `enter` before its command.
        outside: The same folder for everybody else, for as long as the block lasts.
        enter: The beginning of the command of a process that is to see it.
    """

    def __init__(self, folder: Path, holder: int) -> None:
        """Take a folder on which it is mounted in the namespace of a process."""
        self.inside = folder
        self.outside = Path(f"/proc/{holder}/root{folder}")
        self.enter = ("nsenter", f"--mount=/proc/{holder}/ns/mnt", "--")
        self._filler = self.outside / "filler"

    def fill(self) -> None:
        """Leave no room: not for a byte in a new file, nor for one more in an old one."""
        descriptor = os.open(self._filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        size = 1 << 20
        while size:
            try:
                os.write(descriptor, b"\0" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

                size //= 2

        os.close(descriptor)

    def make_room(self) -> None:
        """Take back what fills it."""
        self._filler.unlink()

    def next_start(self, workspace: Path) -> dict[str, Any]:
        """Start an orchestrator on a workspace here, and return what it knows of earlier runs."""
        argv = [*self.enter, sys.executable, "-m", "tests.support.next_start", str(workspace)]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, check=True, timeout=LONG)
        return json.loads(done.stdout)


@contextmanager
def open_small_disk(folder: Path, *options: str) -> Generator[SmallDisk]:
    """Mount one on an empty folder for the length of the block.

    Args:
        folder: Which is seen as it was by everybody else.
        options: For the mount, e.g. ``size=256k``.
    """
    missing = [name for name in ("unshare", "nsenter", "mount") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"a small disk needs {', '.join(missing)}, of util-linux")

    argv = ["unshare", "--mount", "sh", "-c", _SCRIPT, "sh", ",".join(options), str(folder)]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stderr is not None
        try:
            if not holder.stdout.readline():
                pytest.skip(f"a small disk cannot be mounted here: {holder.stderr.read().strip()}")

            yield SmallDisk(folder, holder.pid)
        finally:
            holder.kill()
