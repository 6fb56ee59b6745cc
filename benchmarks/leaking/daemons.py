"""PostgreSQL and redis as agents start them: whether they are installed, and what they need."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.errors import BrokenError

#: Who PostgreSQL runs as when the benchmark is root's: it refuses root.
OTHER: Final = "nobody"

POSTGRESQL: Final = "postgresql"
REDIS: Final = "redis"

_PROGRAMS: Final = {POSTGRESQL: ("initdb", "pg_ctl"), REDIS: ("redis-server",)}
_INITDB: Final = ("--no-sync", "--locale=C", "--auth=trust", "--username=agent", "--wal-segsize=1")


class User(NamedTuple):
    """Another user."""

    uid: int
    gid: int


def missing(kind: str) -> str | None:
    """Say which program of it is not installed; None when all are."""
    absent = [name for name in _PROGRAMS[kind] if _find(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


def program(name: str) -> str:
    """Return the path of a program of a server.

    Raises:
        BrokenError: It is not installed.
    """
    found = _find(name)
    if found is None:
        raise BrokenError(f"{name} is not installed")

    return found


def other_user() -> User | None:
    """Return who servers are started as; None for whoever runs this, unless that is root."""
    if os.geteuid() != 0:
        return None

    entry = pwd.getpwnam(OTHER)
    return User(entry.pw_uid, entry.pw_gid)


def versions() -> str:
    """Say which of the servers are installed here."""
    said = (_version(names[-1]) for names in _PROGRAMS.values())
    return "; ".join(filter(None, said)) or "none installed"


def hand_over(folder: Path) -> None:
    """Make a folder that of whoever servers are started as."""
    user = other_user()
    if user is not None:
        os.chown(folder, *user)


def make_cluster(folder: Path) -> Path:
    """Make a folder of PostgreSQL's data, once: each server gets a copy of it.

    Raises:
        BrokenError: It cannot be made.
    """
    cluster = folder / "cluster"
    cluster.mkdir(mode=0o700)
    hand_over(cluster)
    user = other_user()
    done = subprocess.run(
        [program("initdb"), *_INITDB, f"--pgdata={cluster}"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        user=user and user.uid,
        group=user and user.gid,
        extra_groups=None if user is None else [],
        check=False,
    )
    if done.returncode:
        raise BrokenError(f"initdb: {done.stderr.strip()}")

    return cluster


def copy_cluster(cluster: Path, to: Path) -> None:
    """Copy such a folder, with its owner.

    Raises:
        BrokenError: It cannot be copied.
    """
    done = subprocess.run(
        ["/bin/cp", "-a", str(cluster), str(to)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BrokenError(f"cp: {done.stderr.strip()}")


def _version(name: str) -> str:
    found = _find(name)
    if found is None:
        return ""

    done = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.strip().partition(" sha=")[0]


def _find(name: str) -> str | None:
    # Debian has the programs of a PostgreSQL server outside of PATH.
    places = [os.environ.get("PATH", os.defpath), "/usr/sbin"]
    places += map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin")))
    return shutil.which(name, path=os.pathsep.join(places))
