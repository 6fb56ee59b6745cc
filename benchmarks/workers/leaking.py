"""A program that starts agents and ends them by the means that it is told: MEANS FOLDER.

Reads lines like ``{"do": "launch", "agents": {"name": ["argv", ...]}}`` and ``{"do": "stop"}``,
and answers each with a line. End of input and the signals that ask for it end it, in order: first
its agents, then itself.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.leaking.means import MEANS

if TYPE_CHECKING:
    from types import FrameType

    from benchmarks.leaking.means import Means

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_CHUNK = 1 << 16
_ARGUMENTS = 3


def serve(means: Means) -> int:
    """Do what is asked until something ends it; returns the exit status."""
    heard, wake = os.pipe()
    os.set_blocking(wake, False)
    for number in SIGNALS:
        signal.signal(number, _noted)

    signal.set_wakeup_fd(wake)
    buffer = b""
    while True:
        ready = select.select([0, heard], [], [])[0]
        if heard in ready:
            status = 128 + os.read(heard, 1)[0]
            break

        data = os.read(0, _CHUNK)
        if not data:
            status = 0
            break

        *lines, buffer = (buffer + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            for name, argv in request.get("agents", {}).items():
                means.start(name, argv)

            if request["do"] == "stop":
                means.end()

            sys.stdout.write("{}\n")
            sys.stdout.flush()

    means.end()
    return status


def _noted(_number: int, _frame: FrameType | None) -> None:
    """Leave it to the wake-up descriptor."""


def main() -> int:
    """Serve standard input by the means that the arguments name."""
    if len(sys.argv) != _ARGUMENTS or sys.argv[1] not in MEANS:
        sys.stderr.write(f"usage: python -m benchmarks.workers.leaking {'|'.join(MEANS)} FOLDER\n")
        return 2

    return serve(MEANS[sys.argv[1]](Path(sys.argv[2])))


if __name__ == "__main__":
    sys.exit(main())
