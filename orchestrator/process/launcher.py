"""Launching agents: the nursery, started again when it dies, and the keepers it forks."""

from __future__ import annotations

import errno
import logging
import os
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import anyio

from orchestrator.errors import LaunchError, NurseryError
from orchestrator.model import ProcessNote

from .link import KeeperLink
from .messages import read_started
from .wire import LineBuffer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.abc import TaskGroup

    from orchestrator.model import Running

    from .wire import LaunchMessage

logger = logging.getLogger(__name__)

#: Seconds from an order to the agent's program running; a hung file system is what takes longer.
LAUNCH_TIMEOUT: Final = 30.0

#: Seconds that a nursery may take to report what it swept after a keeper was killed.
SWEEP_REPORT_TIMEOUT: Final = 12.0

_CHUNK = 65536
_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    " from orchestrator.process.nursery import main; main(int(sys.argv[2]))"
)
_ROOT = str(Path(__file__).resolve().parents[2])


@asynccontextmanager
async def open_launcher(log: Path) -> AsyncGenerator[Launcher]:
    """Start a nursery, and keep one running until the block ends.

    Args:
        log: Gets what a nursery or a keeper has to say in a crash.

    Raises:
        NurseryError: It cannot be started.
    """
    async with anyio.create_task_group() as group:
        launcher = Launcher(group, log)
        launcher.start()
        try:
            yield launcher
        finally:
            launcher.close()


class Launcher:
    """Starts agents under keepers; made by `open_launcher`."""

    def __init__(self, group: TaskGroup, log: Path) -> None:
        """Use the group for one task: listening to the nursery."""
        self._group = group
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._listening: anyio.CancelScope | None = None
        self._swept: dict[int, tuple[ProcessNote, ...]] = {}
        self._news = anyio.Event()

    @property
    def nursery_pid(self) -> int | None:
        """The pid of the nursery that runs, if one does."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start a nursery unless one runs.

        Raises:
            NurseryError: It cannot be started.
        """
        if self._requests is not None:
            return

        ours, theirs = socket.socketpair()
        try:
            with theirs, self._open_log() as log:
                # Isolated and without site-packages: it needs the standard library alone.
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _CODE, _ROOT, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    cwd="/",
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        except OSError as error:
            ours.close()
            raise NurseryError(
                f"cannot start the nursery: {error.strerror}; free some processes, descriptors "
                "or memory and try again",
                number=error.errno,
            ) from error

        ours.setblocking(False)  # noqa: FBT003  the method takes it so
        self._requests = ours
        self._group.start_soon(self._listen, ours, self._process)

    def close(self) -> None:
        """Let the nursery go: it leaves after its last keeper."""
        if self._requests is not None:
            self._requests.close()
            self._requests = None

        if self._listening is not None:
            self._listening.cancel()

    async def launch(self, order: LaunchMessage) -> tuple[KeeperLink, Running]:
        """Start one agent; the caller owns the link, and with it the agent's life.

        Raises:
            LaunchError: It was not started, and nothing of it is left.
        """
        for attempt in (1, 2):
            self.start()
            ours, theirs = socket.socketpair()
            link = KeeperLink(ours)
            try:
                with theirs:
                    self._request(theirs)

                with anyio.fail_after(LAUNCH_TIMEOUT):
                    await link.send_order(order)
                    answer = await link.next_message()
            except TimeoutError:
                link.close()
                raise LaunchError(
                    f"the agent did not start within {LAUNCH_TIMEOUT:.0f} s; is the working "
                    f"directory {order['cwd']} on a file system that does not answer?",
                    number=errno.ETIMEDOUT,
                ) from None
            except OSError as error:
                answer = None
                logger.warning("nursery did not take a request: %s", error)
            except BaseException:
                link.close()
                raise

            if answer is not None and answer["event"] == "started":
                return link, read_started(answer)

            link.close()
            if answer is not None:
                raise _refusal(order, answer)

            # Its nursery or its keeper was killed before it said anything: once more.
            self.close()
            logger.warning("launch of agent %s: attempt %d failed", order["agent_id"], attempt)

        raise NurseryError(
            f"no keeper could be started for agent {order['agent_id']}; see {self._log}"
        )

    async def swept_after(self, keeper: int) -> tuple[ProcessNote, ...] | None:
        """Wait for what the nursery found and killed after this keeper had been killed.

        Returns:
            None when no nursery will say it.
        """
        with anyio.move_on_after(SWEEP_REPORT_TIMEOUT):
            while keeper not in self._swept:
                if self._requests is None:
                    return None

                await self._news.wait()

        return self._swept.pop(keeper, None)

    def _open_log(self) -> IO[bytes]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        return os.fdopen(os.open(self._log, flags, 0o600), "ab")

    def _request(self, theirs: socket.socket) -> None:
        if self._requests is None:
            raise BrokenPipeError(errno.EPIPE, "there is no nursery")

        socket.send_fds(self._requests, [b"k"], [theirs.fileno()])

    async def _listen(self, requests: socket.socket, process: subprocess.Popen[bytes]) -> None:
        # Shielded: in a shutdown, what a nursery sweeps is still of interest.
        with anyio.CancelScope(shield=True) as self._listening:
            await self._hear_out(requests)

        if self._requests is requests:
            self.close()
            # Its end of the socket is closed: it has ended, and is reaped here and now.
            status = process.wait()
            logger.warning("nursery pid=%d died, status %d; a new one follows", process.pid, status)
            self._wake()
            self.start()

    async def _hear_out(self, requests: socket.socket) -> None:
        lines = LineBuffer()
        while True:
            await anyio.wait_readable(requests)
            try:
                data = requests.recv(_CHUNK)
            except BlockingIOError:
                continue
            except OSError:
                return

            if not data:
                return

            for message in lines.feed(data):
                self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if message["event"] == "swept":
            notes = tuple(ProcessNote.model_validate(one) for one in message["processes"])
            for keeper in message["keepers"]:
                self._swept[keeper] = notes

            logger.warning(
                "keepers %s were killed; swept %d processes", message["keepers"], len(notes)
            )
            self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = anyio.Event()


def _refusal(order: LaunchMessage, answer: dict[str, Any]) -> LaunchError:
    number = int(answer["errno"])
    why = os.strerror(number)
    program, cwd = order["argv"][0], order["cwd"]
    said = {
        "cwd": f"cannot run in {cwd!r}: {why}; name a directory that exists and can be entered",
        "exec": f"cannot execute {program!r} ({order['path']}): {why}",
        "fork": f"cannot fork: {why}; the machine or this user has no room for more processes",
    }.get(answer["stage"], f"cannot open its {answer['stage']} file: {why}")
    return LaunchError(said, number=number)
