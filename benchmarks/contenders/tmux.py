"""What the original used: a session of tmux for each agent, on a server of this run alone."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.census import Watch
from benchmarks.errors import BrokenError
from benchmarks.ground import LEAVE_LIMIT, wait_ended
from benchmarks.model import Round

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from benchmarks.ground import Ground

#: The session that keeps the server there while no agent runs.
KEEP: Final = "keep"

_MS_PER_S = 1000.0


class TmuxSession:
    """One server of tmux, and clients that ask it for sessions."""

    def __init__(self, ground: Ground, program: Path) -> None:
        """Start the server, with a socket in the run's own folder and no configuration."""
        self._ground = ground
        self._program = str(program)
        self._environment = {"TMUX_TMPDIR": str(ground.new_folder())}
        self._argv = ["tmux", "-L", "bench", "-f", "/dev/null"]
        self._launched = 0
        self._check("new-session", "-d", "-s", KEEP, "sleep", "1800")
        pids = self._check("display-message", "-p", "-t", KEEP, "#{pid} #{pane_pid}")
        self.root, self._keep = map(int, pids.split())

    def launch(self, count: int, *, together: bool) -> Round:
        """``tmux new-session -d``; timed from the client's start to its end.

        Raises:
            BrokenError: A client failed.
        """
        size = count if together else 1
        times: list[float] = []
        wall = 0.0
        for _ in range(count // size):
            took = self._volley(size)
            times.extend(took)
            wall += max(took)

        return Round(times=tuple(times), wall=wall)

    def clear(self) -> None:
        """Kill every session but one, and wait until its processes have ended."""
        panes = self._check("list-panes", "-a", "-F", "#{session_name} #{pane_pid}").splitlines()
        pids = [int(pid) for session, pid in map(str.split, panes) if session != KEEP]
        with Watch(pids) as watch:
            self._check("kill-session", "-a", "-t", KEEP)
            if not watch.wait(quiet=LEAVE_LIMIT):
                raise BrokenError(f"tmux left {watch.left} after kill-session")

    def kill_server(self) -> None:
        """Ask the server to end all that it knows; returns at once."""
        self._client("kill-server")

    def close(self) -> None:
        """End the server, and wait for it.

        Raises:
            BrokenError: It stays.
        """
        with Watch([self.root, self._keep]) as watch:
            wait_ended(self._client("kill-server"), what="tmux kill-server")
            if not watch.wait(quiet=LEAVE_LIMIT):
                raise BrokenError(f"the server of tmux or its pane stays: {watch.left}")

    def _volley(self, count: int) -> list[float]:
        clients: list[subprocess.Popen[bytes]] = []
        with Watch() as watch:
            began = time.perf_counter()
            for _ in range(count):
                self._launched += 1
                # With a second word it is started directly, without a shell of tmux's own.
                client = self._client(
                    "new-session", "-d", "-s", f"a{self._launched}", self._program, "agent"
                )
                clients.append(client)
                watch.add(client.pid)
                watch.wait(quiet=0.0)  # who has ended meanwhile is timed now

            watch.wait(quiet=LEAVE_LIMIT)
            for client in clients:
                if client.wait(LEAVE_LIMIT):
                    raise BrokenError(f"tmux new-session: exit status {client.returncode}")

            return [(watch.ended[client.pid] - began) * _MS_PER_S for client in clients]

    def _client(self, *words: str) -> subprocess.Popen[bytes]:
        return self._ground.spawn([*self._argv, *words], environment=self._environment)

    def _check(self, *words: str) -> str:
        done = subprocess.run(
            [*self._argv, *words],
            env={**self._ground.environment, **self._environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BrokenError(f"tmux {words[0]}: {done.stderr.strip()}")

        return done.stdout.strip()


@dataclass(frozen=True, slots=True)
class TmuxContender:
    """``tmux new-session -d``."""

    key: str = "tmux"
    name: str = "tmux new-session -d"

    def missing(self) -> str | None:
        """Look for the program."""
        if shutil.which("tmux") is None:
            return "tmux is not installed: apt install tmux, or brew install tmux"

        return None

    @contextmanager
    def open(self, ground: Ground, program: Path) -> Generator[TmuxSession]:
        """Start a server."""
        session = TmuxSession(ground, program)
        try:
            yield session
        finally:
            session.close()
