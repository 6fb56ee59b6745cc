"""PostgreSQL, redis and nginx, each in a folder of its own: what they need, and whether they serve.

Their agent is ``tests/agents/starts_real_daemon.py``.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import socket
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from orchestrator.process import tree
from tests.support.evidence import LONG, wait_until

if TYPE_CHECKING:
    from collections.abc import Generator

    from orchestrator.process.tree import Proc

#: Who they are started as when the tests are root's: PostgreSQL refuses root.
OTHER: Final = "nobody"

#: Seconds in which nobody comes and nobody goes when it is at rest.
REST: Final = 0.5

#: Debian has the programs of a PostgreSQL server outside of PATH.
PATH: Final = os.pathsep.join(
    [
        os.environ.get("PATH", os.defpath),
        "/usr/sbin",
        *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"))),
    ]
)


class Kind(NamedTuple):
    """A program, as a test knows it.

    Attributes:
        programs: What has to be installed.
        process: The name of its processes.
        at_least: How many processes it has when it is at rest.
        listens: The name of its socket.
        question: What it is asked there.
        answer: How its answer begins.
    """

    programs: tuple[str, ...]
    process: str
    at_least: int
    listens: str
    question: bytes
    answer: bytes


KINDS: Final = {
    # Whether it speaks TLS: no. The answer comes from a process that was forked for it.
    "postgresql": Kind(
        ("initdb", "pg_ctl"),
        "postgres",
        4,
        ".s.PGSQL.5432",
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"N",
    ),
    "redis": Kind(("redis-server",), "redis-server", 1, "socket", b"PING\r\n", b"+PONG"),
    "nginx": Kind(("nginx",), "nginx", 3, "socket", b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.1 204"),
}


def missing(kind: str) -> str:
    """What of it is not installed; empty when all is there."""
    return ", ".join(name for name in KINDS[kind].programs if not shutil.which(name, path=PATH))


class Daemon:
    """The daemon of one agent; made by `open_daemon`.

    Attributes:
        kind: What it is.
        folder: Where it works; everything that works there is a process of it.
        other: The uid that it is started with, if not that of whoever runs the tests.
        argv: What its agent is told.
    """

    def __init__(self, name: str, folder: Path) -> None:
        """Find its programs."""
        self.kind = KINDS[name]
        self.folder = folder
        self.other: int | None = None
        user = group = ""
        if os.geteuid() == 0:
            entry = pwd.getpwnam(OTHER)
            self.other, user, group = entry.pw_uid, OTHER, grp.getgrgid(entry.pw_gid).gr_name
            os.chown(folder, entry.pw_uid, entry.pw_gid)

        programs = [str(shutil.which(one, path=PATH)) for one in self.kind.programs]
        self.argv = (name, str(folder), user, group, *programs)

    def let_agent_end(self) -> None:
        """Let its agent end by itself."""
        (self.folder / "end").touch()

    def processes(self) -> list[Proc]:
        """Everyone who works in its folder."""
        found: list[Proc] = []
        for proc in tree.everyone():
            try:
                place = Path(f"/proc/{proc.pid}/cwd").readlink()
            except OSError:
                continue

            if place.is_relative_to(self.folder):
                found.append(proc)

        return found

    def at_rest(self) -> dict[int, int]:
        """Wait until it has no more passing processes, as one that answers; start times by pid."""
        last: dict[int, int] = {}
        since = time.monotonic()

        def same_for_a_while() -> dict[int, int]:
            nonlocal last, since
            before, last = last, {proc.pid: proc.start for proc in self.processes()}
            if last != before or len(last) < self.kind.at_least:
                since = time.monotonic()

            return last if time.monotonic() - since > REST else {}

        return wait_until(same_for_a_while, f"{self.kind.process} is at rest")

    def serves(self) -> bool:
        """Whether it answers."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(LONG)
            try:
                client.connect(str(self.folder / self.kind.listens))
            except OSError:
                return False

            client.sendall(self.kind.question)
            return client.recv(100).startswith(self.kind.answer)


@contextmanager
def open_daemon(name: str) -> Generator[Daemon]:
    """Make a folder for a daemon; whoever works there at the end is killed."""
    # Not below pytest's own folder, which no other user can enter.
    folder = Path(tempfile.mkdtemp(prefix="orc-a4-")).resolve()
    daemon = Daemon(name, folder)
    try:
        yield daemon
    finally:
        for proc in daemon.processes():
            tree.send(proc, signal.SIGKILL)

        shutil.rmtree(folder, ignore_errors=True)
