"""Forks with a session of its own in each generation, which is gone when it has a child.

Some of each chain stay. It begins when there is a file ``go`` where it works, and ends when that
is gone. Bounded for the machine's sake, in time, in generations, and in haste: after the first
seconds, in which somebody may try to end it, each generation lives longer.
"""

from __future__ import annotations

import os
import select
import signal
import time

CHAINS = 2
STAYING = 3
GENERATIONS = 6000
SECONDS = 40.0
LIFE = 300
HASTE = 2.5
PAUSE = 0.01
LONG_PAUSE = 0.1
GO = "go"


def rest() -> None:
    """Stay until the end."""
    signal.alarm(LIFE)
    while True:
        signal.pause()


def chain(began: float) -> None:
    """Go on in a child, again and again."""
    for generation in range(GENERATIONS):
        os.setsid()
        passed = time.monotonic() - began
        select.select([], [], [], PAUSE if passed < HASTE else LONG_PAUSE)
        if passed > SECONDS or not os.access(GO, os.F_OK):
            return

        if os.fork() != 0:
            if generation < STAYING:
                rest()

            return


def main() -> None:
    """Wait for the beginning, and begin."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.alarm(LIFE)
    while not os.access(GO, os.F_OK):
        select.select([], [], [], 0.02)

    began = time.monotonic()
    for _ in range(CHAINS):
        if os.fork() == 0:
            chain(began)
            os._exit(0)

    rest()


if __name__ == "__main__":
    main()
