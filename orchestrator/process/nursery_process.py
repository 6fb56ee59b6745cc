"""A nursery as its launcher holds it: started, asked for keepers, and reaped."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Final

import anyio

from .identity import identify, wait_gone
from .scope import scope_command

logger = logging.getLogger(__name__)

#: Seconds that a nursery may take to leave once its keepers have; beyond them it is not waited for.
LEAVE_TIMEOUT: Final = 0.2

# What the nursery loads, every fork of a keeper has to copy. So it loads this folder as a package
# of its own, last on the path, instead of all that `orchestrator/__init__.py` needs.
_CODE = (
    "import sys; sys.path.append(sys.argv[1]);"
    " from process.nursery import main; main(int(sys.argv[2]), cgroups=sys.argv[3] == 'yes')"
)
_ROOT = str(Path(__file__).resolve().parents[1])

# The dynamic linker looks everything up once, in the nursery, and not again in each keeper.
_NURSERY_ENV: Final = {"LD_BIND_NOW": "1"}

#: Names a nursery's log in its environment, and so the workspace that it belongs to.
LOG_VARIABLE: Final = "ORCHESTRATOR_NURSERY_LOG"


class NurseryProcess:
    """One nursery: the process, and the socket that asks it for keepers.

    Attributes:
        process: The process.
        requests: The socket; its end tells the nursery to leave after its last keeper.
        listening: Cancelled when nothing is to be heard from it any more.
    """

    def __init__(self, process: subprocess.Popen[bytes], requests: socket.socket) -> None:
        """Take both over."""
        self.process = process
        self.requests = requests
        # Shielded: in a shutdown, what a nursery sweeps is still of interest.
        self.listening = anyio.CancelScope(shield=True)

    async def reap(self) -> None:
        """Collect it once it was let go; one that stays for its keepers is collected later."""
        identity = identify(self.process.pid)
        if identity is not None:
            with anyio.move_on_after(LEAVE_TIMEOUT, shield=True):
                await wait_gone(identity)

        if self.process.poll() is None:
            threading.Thread(target=self.process.wait, name="nursery", daemon=True).start()


def start_nursery(log: Path, *, cgroups: bool, scope: bool) -> NurseryProcess:
    """Start a nursery.

    Args:
        log: Gets what it or a keeper has to say in a crash.
        cgroups: Let it make control groups.
        scope: Have a scope of the user's systemd made for it if it needs one for that.

    Raises:
        OSError: It cannot be started.
    """
    prefix = scope_command() if cgroups and scope else ()
    if prefix:
        try:
            return _start(log, prefix, cgroups=cgroups)
        except OSError as error:
            logger.warning("no control groups by %s: %s", prefix[0], error)

    return _start(log, (), cgroups=cgroups)


def _start(log: Path, prefix: tuple[str, ...], *, cgroups: bool) -> NurseryProcess:
    ours, theirs = socket.socketpair()
    try:
        with theirs, _open_log(log) as errors:
            process = subprocess.Popen(
                [
                    *prefix,
                    sys.executable,
                    *_isolation(),
                    "-c",
                    _CODE,
                    _ROOT,
                    str(theirs.fileno()),
                    "yes" if cgroups else "no",
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd="/",
                env={**os.environ, **_NURSERY_ENV, LOG_VARIABLE: str(log)},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
    except OSError:
        ours.close()
        raise

    ours.setblocking(False)  # noqa: FBT003  the method takes it so
    return NurseryProcess(process, ours)


def _open_log(log: Path) -> IO[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(log, flags, 0o600)
    except OSError as error:
        logger.warning("crashes of keepers will not be logged: %s", error)
        descriptor = os.open(os.devnull, os.O_WRONLY)

    return os.fdopen(descriptor, "ab")


def _isolation() -> tuple[str, ...]:
    """Without site-packages, which it does not need; coverage is started from there, though."""
    return ("-I",) if "COVERAGE_PROCESS_START" in os.environ else ("-I", "-S")
