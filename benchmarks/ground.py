"""What a run stands on: a folder, an environment, agents' programs, and a net under it all."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import psutil

from orchestrator.process.kernel import become_subreaper

from . import census
from .errors import BrokenError
from .limits import raise_limits

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

#: Where the packages are, for processes that are started elsewhere.
ROOT: Final = Path(__file__).resolve().parents[1]

#: In the environment of everything that a run starts, so that nothing of it can hide.
RUN_VARIABLE: Final = "BENCHMARK_RUN"

#: In the environment of what an agent's script starts, or becomes.
AGENT_VARIABLE: Final = "BENCHMARK_AGENT"

#: Variables that would change what is measured.
_FOREIGN = ("CLAUDE", "TMUX", "ORCHESTRATOR_")
_KEPT = ("ORCHESTRATOR_TEST_RUN",)

#: Seconds that a helper of the benchmark may take to end by itself.
LEAVE_LIMIT: Final = 15.0

#: Where Linux keeps files in memory, and the bytes that the largest part needs there.
_MEMORY: Final = Path("/dev/shm")  # noqa: S108  a folder of its own is made in it
_ROOM: Final = 4 << 30

#: Longer than any run: what outlives even a killed benchmark ends by itself.
_LONG = 1800

_SCRIPTS = {
    "ends": "exit 0",
    "stays": f"export {AGENT_VARIABLE}=1\nexec sleep {_LONG}",
    # 30 processes, half of which lead sessions; what is ignored stays so through exec.
    "hostile": (
        f"export {AGENT_VARIABLE}=1\ntrap '' TERM INT HUP\n"
        f"for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do\n"
        f"  sleep {_LONG} &\n  setsid sleep {_LONG} &\ndone\n"
        f"sleep {_LONG} &\nwhile :; do wait; done"
    ),
    "escapes": (
        f"export {AGENT_VARIABLE}=1\nsleep {_LONG} &\nsetsid sleep {_LONG} &\nwait  # for both"
    ),
}


class Ground:
    """The folder and the environment of one run; made by `open_ground`.

    Attributes:
        folder: Of this run alone; removed at its end. In memory where there is room.
        disk: The same on a disk, for what is about files.
        environment: For whatever is started.
    """

    def __init__(self, folder: Path, disk: Path | None = None) -> None:
        """Write the agents' programs into the folder."""
        self.folder = folder
        self.disk = disk or folder
        self._run = folder.name
        self._known: list[subprocess.Popen[bytes]] = []
        self._folders = 0
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name in _KEPT or not name.startswith(_FOREIGN)
        }
        self.environment[RUN_VARIABLE] = self._run
        self.environment["PYTHONPATH"] = str(ROOT)
        for name, text in _SCRIPTS.items():
            script = self.program(name)
            script.write_text(f"#!/bin/sh\n{text}\n", encoding="ascii")
            script.chmod(0o700)

    def program(self, name: str) -> Path:
        """Return an agent's program.

        Args:
            name: ``ends`` at once; ``stays``; ``escapes``: three processes, one of them in a
                session of its own.
        """
        return self.folder / f"agent-{name}"

    def new_folder(self, *, on_disk: bool = False) -> Path:
        """Make an empty folder."""
        self._folders += 1
        folder = (self.disk if on_disk else self.folder) / f"{self._folders}"
        folder.mkdir()
        return folder

    def spawn(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
        new_session: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start a process in the run's folder, and remember it as one that is waited for.

        Args:
            argv: What to start.
            environment: On top of the run's own.
            stdin: As for `subprocess.Popen`; so are the other two.
            stdout: See there.
            stderr: See there.
            new_session: Whether it becomes the leader of a session.
        """
        process = subprocess.Popen(
            argv,
            bufsize=0,
            cwd=self.folder,
            env={**self.environment, **environment} if environment else self.environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=new_session,
        )
        self._known.append(process)
        return process

    def agents(self) -> list[psutil.Process]:
        """Every live process that is an agent or was started by one."""
        return [one for one in census.descendants() if self._is_agent(one)]

    def reap(self) -> None:
        """Collect orphans that fell to this process and have ended."""
        self._known = [one for one in self._known if one.poll() is None]
        known = {one.pid for one in self._known}
        for child in psutil.Process().children():
            if child.pid not in known and census.is_zombie(child):
                try:
                    os.waitpid(child.pid, os.WNOHANG)
                except ChildProcessError:
                    continue

    def reap_all(self) -> None:
        """Collect every child that has ended, at once, without a walk over who is there.

        Those that are waited for keep their exit status.
        """
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return

            if not pid:
                return

            for one in self._known:
                if one.pid == pid and one.returncode is None:
                    one.returncode = os.waitstatus_to_exitcode(status)

    def sweep(self) -> tuple[str, ...]:
        """End every process of this run that is still there; returns who it was, in words."""
        found = {one.pid: one for one in census.descendants()}
        found |= {one.pid: one for one in psutil.process_iter() if self._is_ours(one)}
        found.pop(os.getpid(), None)
        names = tuple(census.describe(one) for one in found.values())
        census.end(found.values())
        self.reap()
        return names

    def _is_agent(self, process: psutil.Process) -> bool:
        try:
            command = process.cmdline()
            return (
                any(word.startswith(f"{self.folder}/agent-") for word in command[:2])
                or AGENT_VARIABLE in process.environ()
            )
        except psutil.Error:
            return False

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(RUN_VARIABLE) == self._run
        except psutil.Error:
            return False


def in_memory() -> Path | None:
    """Return a folder in memory, where there is one with room that lets programs run.

    Agents have files. On a disk each costs what the file system makes of it, and that is not
    compared here.
    """
    try:
        room = os.statvfs(_MEMORY)
    except OSError:
        return None

    fits = room.f_bavail * room.f_frsize >= _ROOM and not room.f_flag & os.ST_NOEXEC
    return _MEMORY if fits and os.access(_MEMORY, os.W_OK) else None


@contextmanager
def open_ground() -> Generator[Ground]:
    """Stand on it for the length of the block; whoever is left at its end is ended.

    This process becomes a child subreaper where there is such a thing: orphans fall to it.
    """
    become_subreaper()
    raise_limits()
    with (
        tempfile.TemporaryDirectory(prefix="bench-disk-") as disk,
        tempfile.TemporaryDirectory(prefix="bench-", dir=in_memory()) as folder,
    ):
        ground = Ground(Path(folder), Path(disk))
        try:
            yield ground
        finally:
            ground.sweep()


def wait_ended(process: subprocess.Popen[bytes], *, what: str) -> int:
    """Wait for a helper that was told to end; returns its exit status.

    Raises:
        BrokenError: It stays; it has been killed.
    """
    try:
        return process.wait(LEAVE_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise BrokenError(f"{what} did not end within {LEAVE_LIMIT:.0f} s; killed") from None
