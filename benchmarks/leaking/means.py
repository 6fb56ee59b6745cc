"""How programs end what they have started: the usual ways, each done with care."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

#: Seconds between the first signal and SIGKILL, for every launcher that is not this project's.
GRACE: Final = 1


class Means(Protocol):
    """A way of starting agents, and of ending them."""

    def start(self, name: str, argv: Sequence[str]) -> None:
        """Start an agent."""
        ...

    def end(self) -> None:
        """End all agents, side by side; returns when there is nothing more that it does."""
        ...


class Popen:
    """`Popen`; `terminate`, a grace, `kill`."""

    def __init__(self, _folder: Path) -> None:
        """Nothing is started yet."""
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, argv: Sequence[str]) -> None:
        """See `Means`."""
        del name
        self.processes.append(self.open(argv))

    def open(self, argv: Sequence[str], *, new_session: bool = False) -> subprocess.Popen[bytes]:
        """Start a process with nothing to read and nobody who reads what it writes."""
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=new_session,
        )

    def end(self) -> None:
        """See `Means`."""
        for process in self.processes:
            process.terminate()

        wait_for(self.processes)
        for process in self.processes:
            process.kill()

        self.reap()

    def reap(self) -> None:
        """Forget them once they have ended: their numbers may be others' then."""
        for process in self.processes:
            process.wait()

        self.processes.clear()


class Killpg(Popen):
    """`start_new_session=True`; SIGTERM to each group, a grace, SIGKILL to each group."""

    def open(self, argv: Sequence[str], *, new_session: bool = True) -> subprocess.Popen[bytes]:
        """See `Popen`."""
        return super().open(argv, new_session=new_session)

    def end(self) -> None:
        """See `Means`; the leader's end does not spare those of its group who are left."""
        self._signal(signal.SIGTERM)
        wait_for(self.processes)
        self._signal(signal.SIGKILL)
        self.reap()

    def _signal(self, number: signal.Signals) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)


class Psutil(Popen):
    """What psutil's documentation gives for killing a process tree."""

    def end(self) -> None:
        """See `Means`."""
        found: list[psutil.Process] = []
        for process in self.processes:
            with suppress(psutil.NoSuchProcess):
                parent = psutil.Process(process.pid)
                found += [*parent.children(recursive=True), parent]

        for each in found:
            with suppress(psutil.NoSuchProcess):
                each.terminate()

        _, alive = psutil.wait_procs(found, timeout=GRACE)
        for each in alive:
            with suppress(psutil.NoSuchProcess):
                each.kill()

        psutil.wait_procs(alive, timeout=GRACE)
        self.reap()


class Tmux:
    """A session for each agent; `kill-session`, which hangs up."""

    def __init__(self, folder: Path) -> None:
        """Have a server of its own, without anybody's settings."""
        program = shutil.which("tmux") or "tmux"
        self._argv = (program, "-S", str(folder / "tmux"), "-f", os.devnull)
        self._names: list[str] = []

    def start(self, name: str, argv: Sequence[str]) -> None:
        """See `Means`."""
        self._names.append(name)
        run([*self._argv, "new-session", "-d", "-s", name, *argv])

    def end(self) -> None:
        """See `Means`; a session that is gone already is no failure."""
        for name in self._names:
            run([*self._argv, "kill-session", "-t", f"={name}"], check=False)

        self._names.clear()


class Scope:
    """`systemd-run --scope` for each agent; `systemctl stop`, which ends its control group.

    Attributes:
        scope: ``--user`` or ``--system``.
    """

    scope = "--system"

    def __init__(self, folder: Path) -> None:
        """Have names that no other run has."""
        self._prefix = f"bench-{os.getpid()}-{folder.parent.name}"
        self._clients: list[subprocess.Popen[bytes]] = []
        self._units: list[str] = []

    def start(self, name: str, argv: Sequence[str]) -> None:
        """See `Means`; the client becomes the agent."""
        unit = f"{self._prefix}-{name}.scope"
        self._units.append(unit)
        words = ["systemd-run", self.scope, "--scope", "--quiet", "--collect", f"--unit={unit}"]
        words.append(f"--property=TimeoutStopSec={GRACE}s")
        client = subprocess.Popen(
            [*words, "--", *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._clients.append(client)

    def end(self) -> None:
        """See `Means`; a scope that is gone already is no failure."""
        run(["systemctl", self.scope, "stop", *self._units], check=False)
        for client in self._clients:
            client.poll()


class UserScope(Scope):
    """The same below the user's own manager."""

    scope = "--user"


def run(argv: Sequence[str], *, check: bool = True) -> None:
    """Run a client to its end."""
    subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=None if check else subprocess.DEVNULL,
        check=check,
    )


def wait_for(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """Wait for all of them, for the grace at most; nobody is reaped.

    As long as a leader is not, no other process gets its number, and so its group's.
    """
    limit = time.monotonic() + GRACE
    for process in processes:
        descriptor = os.pidfd_open(process.pid)
        try:
            select.select([descriptor], [], [], max(0.0, limit - time.monotonic()))
        finally:
            os.close(descriptor)


#: By the names that the program takes.
MEANS: Final = {
    "popen": Popen,
    "killpg": Killpg,
    "psutil": Psutil,
    "tmux": Tmux,
    "scope": Scope,
    "user-scope": UserScope,
}
