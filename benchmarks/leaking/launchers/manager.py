"""A process manager that runs in the foreground and is asked by a client of its own."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

from benchmarks.errors import BrokenError
from benchmarks.ground import wait_ended
from benchmarks.leaking.endings import END_OF_INPUT, HANGUP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.leaking.stand import Stand

#: What means something else to both of them.
NOT_FOR: Final = {
    END_OF_INPUT: "it reads no input",
    HANGUP: "to it, SIGHUP is the request to reload: its agents are started again",
}

_ASK_LIMIT: Final = 30.0


class Manager:
    """One that runs.

    Attributes:
        process: See `Running`.
    """

    def __init__(
        self, stand: Stand, argv: Sequence[str], *, stop: Sequence[str], name: str
    ) -> None:
        """Start it.

        Args:
            stand: Where.
            argv: What it is started with.
            stop: Its client, that stops all agents.
            name: What it is called.
        """
        self._ground = stand.ground
        self._stop = stop
        self._name = name
        self.process = self._ground.spawn(argv)

    def stop(self) -> None:
        """See `Running`."""
        done = subprocess.run(
            self._stop,
            cwd=self._ground.folder,
            env=self._ground.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_ASK_LIMIT,
            check=False,
        )
        if done.returncode:
            raise BrokenError(f"{self._name}: {done.stdout.strip()}")

    def hang_up(self) -> None:
        """Nothing: it has no input."""

    def close(self) -> None:
        """Ask it to leave, and wait for it.

        Raises:
            BrokenError: It stayed, and was killed.
        """
        if self.process.poll() is None:
            self.process.terminate()

        wait_ended(self.process, what=self._name)
