"""A parent that starts bare processes, by ``subprocess.Popen`` or ``os.posix_spawn``.

Reads lines like ``{"do": "launch", "count": 10}`` and answers each with a line; kills what it has
started at end of input.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from .lines import answer, held, requests

if TYPE_CHECKING:
    from collections.abc import Callable

_MS_PER_S: Final = 1000.0
_ARGUMENTS: Final = 4


def popen(program: str) -> int:
    """Start a process in a session of its own with Popen."""
    process = subprocess.Popen(
        [program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # The worker reaps by pid, for both kinds alike; this one object must not warn about it.
    process.returncode = 0
    return process.pid


def posix_spawn(program: str) -> int:
    """Start a process in a session of its own with posix_spawn."""
    actions = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    return os.posix_spawn(program, [program], os.environ, file_actions=actions, setsid=True)


class _Worker:
    def __init__(self, start: Callable[[str], int], program: str) -> None:
        self._start = start
        self._program = program
        self._pids: list[int] = []
        self._groups: list[int] = []

    def do(self, request: dict[str, Any]) -> dict[str, Any]:
        count = request.get("count", 0)
        match request["do"]:
            case "launch" | "together" as how:
                return self._launch(count, together=how == "together")
            case "run":
                return self._run(count)
            case "know":
                return self._know(request["groups"])
            case "end":
                return self._end()
            case "clear":
                return self.clear()
            case other:
                return {"error": f"no such thing to do: {other!r}"}

    def clear(self) -> dict[str, Any]:
        """Kill each, and reap it."""
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)

        for pid in self._pids:
            os.waitpid(pid, 0)

        self._pids.clear()
        return {}

    def _launch(self, count: int, *, together: bool) -> dict[str, Any]:
        """Start processes, one after the other in any case: a call returns once it runs."""
        times: list[float] = []
        first = time.perf_counter()
        for _ in range(count):
            began = first if together else time.perf_counter()
            pid = self._start(self._program)
            times.append((time.perf_counter() - began) * _MS_PER_S)
            self._pids.append(pid)

        return {"times": times, "wall": times[-1] if together else sum(times)}

    def _run(self, count: int) -> dict[str, Any]:
        times: list[float] = []
        for _ in range(count):
            began = time.perf_counter()
            _, status = os.waitpid(self._start(self._program), 0)
            times.append((time.perf_counter() - began) * _MS_PER_S)
            if status:
                return {"error": f"the program ended with status {status}"}

        return {"times": times, "wall": sum(times)}

    def _know(self, groups: list[int]) -> dict[str, Any]:
        """Take the groups of everyone, and whoever becomes an orphan."""
        # Only who is to be the floor of a stop needs it.
        from orchestrator.process.kernel import become_subreaper  # noqa: PLC0415

        become_subreaper()
        self._groups = groups
        return {}

    def _end(self) -> dict[str, Any]:
        """End the groups that are known: those told, else those of who was started; reap."""
        for group in self._groups or self._pids:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)

        with suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)

        self._pids.clear()
        return {}


def main() -> int:
    """Start in the way, the program, with the megabytes that the arguments name."""
    ways = {"popen": popen, "posix_spawn": posix_spawn}
    if len(sys.argv) != _ARGUMENTS or sys.argv[1] not in ways:
        sys.stderr.write(f"usage: python -m benchmarks.workers.bare {'|'.join(ways)} PROGRAM MB\n")
        return 2

    way, program, megabytes = sys.argv[1:]
    ballast = held(int(megabytes))
    worker = _Worker(ways[way], program)
    answer({})
    for request in requests():
        answer(worker.do(request))

    worker.clear()
    del ballast
    return 0


if __name__ == "__main__":
    sys.exit(main())
