"""Running the program itself, in a workspace of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

#: Seconds after which a wait is given up.
PATIENCE: Final = 20.0

PROGRAM: Final = (sys.executable, "-P", "-m", "orchestrator")

_OURS: Final = ("CLAUDE_EXECUTABLE", "CLAUDE_FLAGS", "IS_SANDBOX", "FORCE_COLOR", "COLUMNS")


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Program:
    """The program in one workspace; what it runs in the background is ended by `close`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = folder / "workspace"
        self._running: list[subprocess.Popen[bytes]] = []

    def environment(self, **more: str) -> dict[str, str]:
        kept = {
            name: text
            for name, text in os.environ.items()
            if name not in _OURS and name not in {"ORCHESTRATOR_SOCKET", "ORCHESTRATOR_COOKIE"}
        }
        return {**kept, "CLAUDE_ORCHESTRATOR_WORKSPACE": str(self.workspace), **more}

    def __call__(self, *arguments: str, stdin: bytes = b"", **environment: str) -> Done:
        """Run a command to its end."""
        return self.run(arguments, environment, stdin)

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], stdin: bytes = b""
    ) -> Done:
        """Run a command to its end."""
        done = subprocess.run(
            [*PROGRAM, *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            cwd=self.folder,
            env=self.environment(**environment),
            timeout=60,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(
        self, *arguments: str, program: Sequence[str] = PROGRAM, **environment: str
    ) -> subprocess.Popen[bytes]:
        """Run a command in the background."""
        process = subprocess.Popen(
            [*program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environment(**environment),
            start_new_session=True,
        )
        self._running.append(process)
        return process

    def agents(self, *arguments: str) -> list[dict[str, Any]]:
        """Ask ``ps``; empty while there is no workspace."""
        done = self("ps", "--json", *arguments)
        return done.json if done.status == 0 else []

    def wait_running(self, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many agents run."""

        def running() -> list[dict[str, Any]] | None:
            found = [agent for agent in self.agents() if agent["status"] == "running"]
            return found if len(found) >= count else None

        return wait_for(running)

    def close(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.terminate()

        for process in self._running:
            process.communicate(timeout=PATIENCE)


def wait_for(look: Callable[[], T | None]) -> T:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while time.monotonic() < deadline:
        seen = look()
        if seen:
            return seen

        pause.wait(0.02)

    raise TimeoutError("nothing was seen in time")


def finish(process: subprocess.Popen[bytes]) -> Done:
    """Wait for a command in the background."""
    out, err = process.communicate(timeout=PATIENCE)
    return Done(process.returncode, out.decode(), err.decode())


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Press Ctrl-C: the program alone gets it, for its agents are in other sessions."""
    process.send_signal(signal.SIGINT)


def is_there(pid: int) -> bool:
    """Whether the process lives."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123  as short as can be
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
