"""An agent that writes a lot, under each of those that are compared."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from benchmarks import census
from benchmarks.contenders.library import LibraryContender
from benchmarks.contenders.mcp import McpContender
from benchmarks.contenders.tmux import TmuxContender, TmuxSession
from benchmarks.contenders.worker import open_worker
from benchmarks.errors import BrokenError
from benchmarks.model import Round
from benchmarks.parts.base import present
from benchmarks.vitals import read_cpu
from benchmarks.workers.output import OUT
from benchmarks.workers.output_writer import LINE

from .tap import empty, wait_for_size

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path
    from typing import Protocol

    from benchmarks.contenders.base import Contender, Resident, Session
    from benchmarks.ground import Ground
    from benchmarks.model import Skipped

    from .tap import Tap, Writer

    class _Launcher(Session, Resident, Protocol):
        """One that launches, and stays."""


FILE: Final = "file"
LIBRARY: Final = "library"
MCP: Final = "mcp"
TMUX: Final = "tmux"

#: It writes at some 11 MB/s: a GiB would take minutes.
TMUX_SHARE: Final = 32

MIB: Final = 1 << 20

_MIB_PER_GIB: Final = 1024
_MS_PER_S: Final = 1000.0


class Pourer:
    """One contender with one agent, and how much this one writes in a turn.

    Attributes:
        key: Its short name.
        name: What it is called in tables.
        mib: MiB of a turn.
        cpu: Milliseconds that the contender's processes ran, the agent left out, for each turn.
    """

    def __init__(
        self, key: str, name: str, root: int, writer: Writer, file: Path, *, mib: int
    ) -> None:
        """Take an agent that has come, and the file in which its output arrives."""
        self.key = key
        self.name = name
        self.mib = mib
        self.cpu: list[float] = []
        self._root = root
        self._writer = writer
        self._file = file

    def part(self, key: str, name: str, share: int) -> Pourer:
        """Return the same with a part of the amount."""
        mib = max(1, self.mib // share)
        return Pourer(key, name, self._root, self._writer, self._file, mib=mib)

    def turn(self) -> Round:
        """Have the agent write; takes until all of it is in the file. Milliseconds for each GiB.

        Raises:
            BrokenError: It did not arrive, or somebody of the house has gone.
        """
        house = [pid for pid in census.tree(self._root) if pid != self._writer.pid]
        size = self.mib * (MIB + self._added)
        try:
            before = read_cpu(house)
            began = time.perf_counter()
            self._writer.write(self.mib)
            wait_for_size(self._file, size)
            took = (time.perf_counter() - began) * _MS_PER_S
            self.cpu.append(read_cpu(house) - before)
            found = self._file.stat().st_size
            empty(self._file)
        except OSError as error:
            raise BrokenError(f"{self.name}: {error}") from error

        if found != size:
            raise BrokenError(f"{self.name}: of {size} bytes {found} have arrived")

        return Round(times=(took / self.mib * _MIB_PER_GIB,), wall=took)

    @property
    def _added(self) -> int:
        """Bytes that a terminal adds to each MiB: a carriage return for each line."""
        return MIB // LINE if self.key == TMUX else 0


class _TmuxPipe(TmuxSession):
    """A server whose panes can be piped into a file."""

    def pipe(self, file: Path) -> None:
        """Append to it what the last session's pane shows."""
        file.touch()
        self._check("pipe-pane", "-t", f"a{self._launched}", f"exec cat >>'{file}'")


def open_pourers(
    ground: Ground, tap: Tap, stack: ExitStack, *, mib: int
) -> tuple[list[Pourer], tuple[Skipped, ...]]:
    """Open all that can be measured here, each with its agent, which has written a little.

    Args:
        ground: Where they stand.
        tap: Where the agents come to.
        stack: What they are closed with.
        mib: MiB of a turn.
    """
    tmux, skipped = present([TmuxContender()])
    pourers = [
        _worker(ground, tap, stack, "file", (FILE, "file's descriptor, bare Popen (floor)", mib)),
        _own(ground, tap, stack, LibraryContender(), (LIBRARY, "launch(), asyncio", mib)),
        _own(ground, tap, stack, McpContender(), (MCP, "deploy over MCP", mib)),
        _worker(ground, tap, stack, "thread", ("thread", "pipe, pumped by a thread", mib)),
        _worker(ground, tap, stack, "anyio", ("anyio", "pipe, pumped by an anyio task", mib)),
    ]
    if tmux:
        pourers.append(_tmux(ground, tap, stack, max(1, mib // TMUX_SHARE)))

    for pourer in pourers:
        pourer.part(pourer.key, pourer.name, pourer.mib).turn()

    return pourers, skipped


def _own(
    ground: Ground,
    tap: Tap,
    stack: ExitStack,
    contender: Contender[_Launcher],
    what: tuple[str, str, int],
) -> Pourer:
    """Open a contender whose agents have their own file for standard output."""
    session = stack.enter_context(contender.open(ground, tap.program))
    session.launch(1, together=False)
    writer = tap.accept()
    key, name, mib = what
    return Pourer(key, name, session.root, writer, writer.output, mib=mib)


def _worker(
    ground: Ground, tap: Tap, stack: ExitStack, kind: str, what: tuple[str, str, int]
) -> Pourer:
    """Open a parent of `benchmarks.workers.output`."""
    key, name, mib = what
    folder = ground.new_folder()
    argv = [sys.executable, "-m", "benchmarks.workers.output", kind, str(folder), str(tap.program)]
    session = stack.enter_context(open_worker(ground, argv, name=name))
    session.launch(1, together=False)
    return Pourer(key, name, session.root, tap.accept(), folder / OUT, mib=mib)


def _tmux(ground: Ground, tap: Tap, stack: ExitStack, mib: int) -> Pourer:
    session = _TmuxPipe(ground, tap.program)
    stack.callback(session.close)
    session.launch(1, together=False)
    writer = tap.accept()
    file = ground.new_folder() / OUT
    session.pipe(file)
    return Pourer(TMUX, "tmux pipe-pane into a file", session.root, writer, file, mib=mib)
