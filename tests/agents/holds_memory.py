# Holds so many MB of memory in a child of its own session; at SIGUSR1 as many again. "alone": that
# is all. "shared": four children of that one have the same pages, and at SIGUSR1 each makes its own
# copy of them. "thread": its main thread has ended, and another one holds it.
from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from alive import here, rest

if TYPE_CHECKING:
    import socket

CHILDREN = 4
PAGE = 4096

how, size = sys.argv[1], int(sys.argv[2]) << 20
signals = {signal.SIGUSR1}
connections: list[socket.socket] = []


def touch(block: bytearray) -> None:
    for place in range(0, len(block), PAGE):
        block[place] = 1


def hold(word: str) -> None:
    block = bytearray(size)
    touch(block)
    connections.append(here(word))
    signal.sigwait(signals)
    more = bytearray(size)
    touch(more)
    rest()


def share() -> None:
    block = bytearray(size)
    touch(block)
    for _ in range(CHILDREN):
        if os.fork() == 0:
            connections.append(here("sharer"))
            signal.sigwait(signals)
            touch(block)
            rest()

    connections.append(here("holder"))
    rest()


signal.pthread_sigmask(signal.SIG_BLOCK, signals)
if os.fork() == 0:
    os.setsid()
    if how == "shared":
        share()
    elif how == "thread":
        threading.Thread(target=hold, args=("holder",)).start()
        ctypes.CDLL(None).pthread_exit(None)

    hold("holder")

connections.append(here("leader"))
rest()
