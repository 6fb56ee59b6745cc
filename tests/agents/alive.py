"""Being seen: every process of an agent says hello on a connection that lives as long as it."""

from __future__ import annotations

import os
import signal
import socket

#: Set by the test: where it listens.
VARIABLE = "LIVENESS"

#: Seconds after which every process of every habit ends by itself, whatever goes wrong.
LIFE = 45


def here(word: str) -> socket.socket:
    """Connect, say who this is, and return the connection, which children inherit.

    Whoever holds it, by fork or over exec, keeps it from ending.
    """
    signal.alarm(LIFE)
    host, _, port = os.environ[VARIABLE].rpartition(":")
    connection = socket.create_connection((host, int(port)))
    connection.set_inheritable(True)
    connection.sendall(f"{word} {os.getpid()}\n".encode())
    return connection


def rest() -> None:
    """Do nothing until a signal ends this."""
    while True:
        signal.pause()
