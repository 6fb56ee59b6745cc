"""A keeper with nothing around it but limits: ``limit_watcher.py FOLDER LIMITS ARGV...``.

LIMITS is JSON. It starts one agent, says whatever is news of its limits, a JSON line each, and ends
it with the first excess. Each line of standard input is a command: ``freeze``, ``thaw``, ``jump
SECONDS``, which moves the wall clock for this process, and ``look``. After each it looks, and says
how long it has nothing to do, and how many looks were due so far. The end of standard input ends
everything too.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from typing import TYPE_CHECKING

_wall_clock = time.time
_ahead = [0.0]
time.time = lambda: _wall_clock() + _ahead[0]

from orchestrator.process import kernel  # noqa: E402  the clock comes first
from orchestrator.process.household import Household  # noqa: E402
from orchestrator.process.limits import LimitWatch, say  # noqa: E402
from orchestrator.process.spawn import spawn  # noqa: E402

if TYPE_CHECKING:
    from types import FrameType

    from orchestrator.process.wire import LaunchMessage


class Watcher:
    """One agent, its household, and the watch over its limits."""

    def __init__(self, folder: str, limits: str, argv: list[str]) -> None:
        order: LaunchMessage = {  # pyright: ignore[reportAssignmentType]  a start needs no more
            "agent_id": "agent",
            "path": argv[0],
            "argv": argv,
            "env": dict(os.environ),
            "cwd": folder,
            "prompt": os.devnull,
            "stdout": f"{folder}/out",
            "stderr": f"{folder}/err",
        }
        outputs = (order["stdout"], order["stderr"])
        self._house = Household(spawn(order, None), contained=True)
        self._watch = LimitWatch(self._house, json.loads(limits), outputs)
        self._looks = 0

    def watch(self, wakeup: int) -> None:
        """Say what is news until a limit is exceeded, or nobody listens any more."""
        poll = select.poll()
        poll.register(0, select.POLLIN)
        poll.register(wakeup, select.POLLIN)
        level = None
        while level != "exceeded":
            timeout = self._watch.timeout()
            ready = dict(poll.poll(None if timeout is None else timeout * 1000 + 1))
            if wakeup in ready:
                os.read(wakeup, 4096)

            self._house.reap()
            if 0 in ready:
                words = os.read(0, 4096).decode().split()
                if not words:
                    return

                self._obey(*words)

            if self._watch.timeout() == 0.0:
                self._looks += 1

            for news in self._watch.look():
                level = news["level"]
                tell({**news, "said": say(news)})

            if 0 in ready:
                tell({"timeout": self._watch.timeout(), "looks": self._looks})

    def _obey(self, word: str, argument: str = "0") -> None:
        match word:
            case "freeze":
                self._house.freeze()
                self._watch.pause()
            case "thaw":
                self._house.thaw()
                self._watch.resume()
            case "jump":
                _ahead[0] += float(argument)
            case _:
                return

    def end(self) -> None:
        """Kill everyone."""
        house = self._house
        while not house.empty():
            house.signal_groups(signal.SIGKILL)
            select.select([], [], [], 0.01)
            house.reap()


def tell(message: object) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _noted(number: int, frame: FrameType | None) -> None:
    """Wake up."""


def main(folder: str, limits: str, argv: list[str]) -> None:
    """Watch one agent."""
    kernel.become_subreaper()
    wakeup, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _noted)
    watcher = Watcher(folder, limits, argv)
    try:
        watcher.watch(wakeup)
    finally:
        watcher.end()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
