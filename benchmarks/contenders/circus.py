"""circus: an arbiter on sockets in the run's own folder, with a watcher for each agent."""

from __future__ import annotations

import importlib
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.census import pause
from benchmarks.errors import BrokenError
from benchmarks.model import Round

from .base import no_module
from .manager import ManagerSession, open_server

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Generator
    from pathlib import Path

    from benchmarks.ground import Ground

#: Seconds that the arbiter may take to answer: it answers once for a thousand.
ANSWER_LIMIT: Final = 300.0

#: Seconds between two looks at the watchers, for each of them: each look keeps it from its work.
_LOOK_EACH: Final = 0.002

_MS_PER_S: Final = 1000.0

_CONFIGURATION: Final = """\
[circus]
endpoint = {endpoint}
pubsub_endpoint = ipc://{folder}/pubsub
loglevel = ERROR
"""
_WATCHER: Final = """\
[watcher:agent{number:05d}]
cmd = {program}
numprocesses = 1
copy_env = True
autostart = {autostart}
"""


class CircusSession(ManagerSession):
    """An arbiter, and a client of circus's own."""

    def __init__(
        self, process: subprocess.Popen[bytes], endpoint: str, capacity: int, *, autostart: bool
    ) -> None:
        """Connect, and stop the agents that the arbiter has started.

        Raises:
            BrokenError: It does not answer.
        """
        names = [f"agent{number:05d}" for number in range(capacity)]
        super().__init__(process, names, program="circusd")
        # Not typed, and not everybody's.
        module: Any = importlib.import_module("circus.client")
        self._failed: type[Exception] = module.CallError
        self._client: Any = module.CircusClient(endpoint=endpoint, timeout=ANSWER_LIMIT)
        self._autostart = autostart
        # It answers before it has begun to start anything, and refuses a stop before it is done.
        self._wait_until_all_are("active" if autostart else "stopped")
        if autostart:
            self._call("stop", waiting=True)

    def launch(self, count: int, *, together: bool) -> Round:
        """``start``; together, of all watchers, since it does one command at a time.

        Raises:
            BrokenError: One was not started.
        """
        if together and self._autostart and count == len(self._names):
            began = time.perf_counter()
            self._call("start", waiting=True)
            took = (time.perf_counter() - began) * _MS_PER_S
            self._running = count
            return Round(times=(took,) * count, wall=took)

        names = self._next(count)
        times: list[float] = []
        first = time.perf_counter()
        for name in names:
            began = first if together else time.perf_counter()
            self._call("start", name=name, match="simple", waiting=True)
            times.append((time.perf_counter() - began) * _MS_PER_S)

        return Round(times=tuple(times), wall=times[-1] if together else sum(times))

    def clear(self) -> None:
        """Stop all; it answers once they have ended."""
        self._call("stop", waiting=True)
        self._running = 0

    def quit(self) -> None:
        """Have it stop everything and end; it answers at once."""
        self._call("quit")

    def close(self) -> None:
        """End the arbiter, if it runs, and wait for it.

        Raises:
            BrokenError: It stays.
        """
        self._client.stop()
        super().close()

    def _wait_until_all_are(self, status: str) -> None:
        limit = time.monotonic() + ANSWER_LIMIT
        while not self._all_are(status):
            if time.monotonic() > limit:
                raise BrokenError(f"circus' watchers are not {status} after {ANSWER_LIMIT:.0f} s")

            pause(_LOOK_EACH * len(self._names))

    def _all_are(self, status: str) -> bool:
        statuses = self._call("status")["statuses"]
        return len(statuses) == len(self._names) and set(statuses.values()) == {status}

    def _call(self, command: str, **properties: Any) -> dict[str, Any]:
        try:
            answer = self._client.call({"command": command, "properties": properties})
        except self._failed as error:
            raise BrokenError(f"circus {command}: {error}") from error

        if answer.get("status") == "error":
            raise BrokenError(f"circus {command}: {answer.get('reason')}")

        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class CircusContender:
    """``start`` of a watcher.

    Attributes:
        capacity: How many watchers it is configured for.
        autostart: Whether the arbiter starts all at first, to be stopped at once. Only such
            watchers can be asked for all at once later; others are, one after the other.
        key: See `Contender`.
        name: See `Contender`.
    """

    capacity: int
    autostart: bool = True
    key: str = "circus"
    name: str = "circus start"

    def missing(self) -> str | None:
        """Look for the package."""
        return no_module("circus")

    @contextmanager
    def open(self, ground: Ground, program: Path) -> Generator[CircusSession]:
        """Start an arbiter."""
        folder = ground.new_folder()
        endpoint = f"ipc://{folder}/endpoint"
        configuration = folder / "circus.ini"
        watchers = [
            _WATCHER.format(number=number, program=program, autostart=self.autostart)
            for number in range(self.capacity)
        ]
        text = _CONFIGURATION.format(folder=folder, endpoint=endpoint)
        configuration.write_text("".join([text, *watchers]), encoding="ascii")
        argv = [sys.executable, "-m", "circus.circusd", str(configuration)]
        with (
            open_server(ground, argv) as process,
            closing(
                CircusSession(process, endpoint, self.capacity, autostart=self.autostart)
            ) as session,
        ):
            yield session
