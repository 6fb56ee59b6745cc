"""What supervisord and circus have in common: a server that knows its agents before it has any."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.errors import BrokenError
from benchmarks.ground import wait_ended

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Generator, Sequence

    from benchmarks.ground import Ground


class ManagerSession:
    """A server that runs, and the agents that it can start."""

    def __init__(
        self, process: subprocess.Popen[bytes], names: Sequence[str], *, program: str
    ) -> None:
        """Take a server.

        Args:
            process: The server.
            names: Of its agents.
            program: What it is called when it fails.
        """
        self._process = process
        self._names = list(names)
        self._program = program
        self._running = 0

    @property
    def root(self) -> int:
        """The pid of the server."""
        return self._process.pid

    def close(self) -> None:
        """End the server, if it runs, and wait for it.

        Raises:
            BrokenError: It stays.
        """
        self._process.terminate()
        wait_ended(self._process, what=self._program)

    def _next(self, count: int) -> list[str]:
        """Return the names of so many agents that do not run yet; from now on they do.

        Raises:
            BrokenError: There are not as many.
        """
        names = self._names[self._running : self._running + count]
        if len(names) < count:
            raise BrokenError(f"{self._program} knows {len(self._names)} agents only")

        self._running += count
        return names


@contextmanager
def open_server(ground: Ground, argv: Sequence[str]) -> Generator[subprocess.Popen[bytes]]:
    """Have a server's process for the length of the block; it is killed when it stays."""
    process = ground.spawn(argv)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
