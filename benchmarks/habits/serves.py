"""Starts a real server in the background, as people do, and stays: ``postgresql`` or ``redis``.

There is a file ``serves`` where it works as soon as the server answers at its socket there.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

from benchmarks.leaking.daemons import other_user, program

LIFE = 300
LOOKS = 1500
LOOK = 0.02

REDIS = ("--daemonize", "yes", "--port", "0", "--save", "", "--logfile", "redis.log")
OPTIONS = "-F -h '' -c autovacuum=off -c dynamic_shared_memory_type=mmap -c shared_buffers=1MB"


def start(kind: str, folder: Path) -> Path:
    """Start it in the folder; returns its socket."""
    if kind == "postgresql":
        pg_ctl = [program("pg_ctl"), "-D", "data", "-l", "log", "-o", f"{OPTIONS} -k {folder}"]
        argv, listens = [*pg_ctl, "start"], folder / ".s.PGSQL.5432"
    else:
        listens = folder / "socket"
        argv = [program("redis-server"), *REDIS, "--unixsocket", str(listens)]

    user = other_user()
    subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        user=user and user.uid,
        group=user and user.gid,
        extra_groups=None if user is None else [],
        check=True,
    )
    return listens


def wait_listening(path: Path) -> None:
    """Wait until somebody listens there; ends this process when nobody does."""
    for _ in range(LOOKS):
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(str(path)) == 0:
                return

        select.select([], [], [], LOOK)

    sys.exit(f"nobody listens at {path}")


def main() -> None:
    """Serve until the end."""
    signal.alarm(LIFE)
    folder = Path.cwd()
    wait_listening(start(sys.argv[1], folder))
    (folder / "serves").touch()
    while True:
        signal.pause()


if __name__ == "__main__":
    os.umask(0o077)
    main()
