"""Agents that write as much as they are told to, from outside; see `workers.output_writer`."""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from benchmarks import workers
from benchmarks.census import pause
from benchmarks.closing import Closing
from benchmarks.errors import BrokenError
from benchmarks.ground import AGENT_VARIABLE

if TYPE_CHECKING:
    from benchmarks.ground import Ground

#: Seconds that an agent may take to come, or to write what it was told to.
LIMIT: Final = 120.0

#: Seconds between two looks at a file that is not complete yet.
_LOOK: Final = 0.0005

_WRITER: Final = Path(workers.__file__).with_name("output_writer.py")


class Writer:
    """One such agent.

    Attributes:
        pid: Its process.
    """

    def __init__(self, connection: socket.socket) -> None:
        """Listen to who it is."""
        self._connection = connection
        connection.settimeout(LIMIT)
        self._lines: IO[str] = connection.makefile("rw", encoding="ascii", newline="\n")
        self.pid: int = json.loads(self._lines.readline())["pid"]

    @property
    def output(self) -> Path:
        """The file that is its standard output."""
        return Path(f"/proc/{self.pid}/fd/1").readlink()

    def write(self, mib: int) -> None:
        """Have it write so much, and wait until it has.

        Raises:
            BrokenError: It does not.
        """
        try:
            self._lines.write(json.dumps({"mib": mib}) + "\n")
            self._lines.flush()
            if not self._lines.readline():
                raise BrokenError("the agent that writes has ended")
        except OSError as error:
            raise BrokenError(f"the agent that writes does not: {error}") from error

    def close(self) -> None:
        """Let it end."""
        self._connection.close()
        self._lines.close()


class Tap(Closing):
    """Where such agents ask what to write; a context manager.

    Attributes:
        program: Of the agents.
    """

    def __init__(self, ground: Ground) -> None:
        """Listen in a folder whose path is short enough for a socket."""
        self._folder = tempfile.TemporaryDirectory(prefix="bench-s-")
        path = Path(self._folder.name) / "s"
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._listening.settimeout(LIMIT)
        self._writers: list[Writer] = []
        self.program = ground.program("writes")
        argv = [sys.executable, "-I", "-S", str(_WRITER), str(path)]
        self.program.write_text(
            f"#!/bin/sh\nexport {AGENT_VARIABLE}=1\nexec {shlex.join(argv)}\n", encoding="utf-8"
        )
        self.program.chmod(0o700)

    def close(self) -> None:
        """Let all agents end, and stop listening."""
        for writer in self._writers:
            writer.close()

        self._listening.close()
        self._folder.cleanup()

    def accept(self) -> Writer:
        """Wait for the next agent.

        Raises:
            BrokenError: None comes.
        """
        try:
            connection, _ = self._listening.accept()
        except OSError as error:
            raise BrokenError(f"the agent that writes did not come: {error}") from error

        writer = Writer(connection)
        self._writers.append(writer)
        return writer


def wait_for_size(file: Path, size: int) -> None:
    """Wait until a file is that large: what is pumped comes later than it was written.

    Raises:
        BrokenError: It stays shorter.
    """
    looks = int(LIMIT / _LOOK)
    for _ in range(looks):
        if file.stat().st_size >= size:
            return

        pause(_LOOK)

    raise BrokenError(f"of {size} bytes only {file.stat().st_size} have arrived")


def empty(file: Path) -> None:
    """Give the room of a file back; who appends to it begins anew."""
    os.truncate(file, 0)
