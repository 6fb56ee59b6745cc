"""Launching agents: the nursery, started again when it dies, and the keepers it forks."""

from __future__ import annotations

import errno
import logging
import signal
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import anyio

from orchestrator.errors import LaunchError, NurseryError
from orchestrator.model import ProcessNote

from .link import KeeperLink
from .messages import read_refusal, read_started
from .nursery_process import start_nursery
from .wire import LineBuffer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from anyio.abc import TaskGroup

    from orchestrator.model import Running

    from .nursery_process import NurseryProcess
    from .wire import LaunchMessage

logger = logging.getLogger(__name__)

#: Seconds from an order to the agent's program running; a hung file system is what takes longer.
LAUNCH_TIMEOUT: Final = 30.0

#: Seconds without an answer after which the nursery is continued, in case somebody stopped it.
NUDGE: Final = 1.0

#: Seconds that a nursery may take to report what it swept after a keeper was killed.
SWEEP_REPORT_TIMEOUT: Final = 12.0

_ATTEMPTS = 3
_CHUNK = 65536


@asynccontextmanager
async def open_launcher(log: Path, *, cgroups: bool = True) -> AsyncGenerator[Launcher]:
    """Start a nursery, and keep one running until the block ends.

    Args:
        log: Gets what a nursery or a keeper has to say in a crash.
        cgroups: Give each agent a control group of its own where one can be made.

    Raises:
        NurseryError: It cannot be started.
    """
    async with anyio.create_task_group() as group:
        launcher = Launcher(group, log, cgroups=cgroups)
        launcher.start()
        try:
            yield launcher
        finally:
            launcher.close()


class Launcher:
    """Starts agents under keepers; made by `open_launcher`."""

    def __init__(self, group: TaskGroup, log: Path, *, cgroups: bool) -> None:
        """Use the group for one task for each nursery: listening to it."""
        self._cgroups = cgroups
        self._scope = True
        self._group = group
        self._log = log
        self._nursery: NurseryProcess | None = None
        self._asking = anyio.Lock(fast_acquire=True)
        self._swept: dict[int, tuple[ProcessNote, ...]] = {}
        self._news = anyio.Event()

    @property
    def nursery_pid(self) -> int | None:
        """The pid of the nursery that runs, if one does."""
        return self._nursery.process.pid if self._nursery else None

    def start(self) -> None:
        """Start a nursery unless one runs.

        Raises:
            NurseryError: It cannot be started.
        """
        if self._nursery is not None:
            return

        try:
            nursery = start_nursery(self._log, cgroups=self._cgroups, scope=self._scope)
        except OSError as error:
            raise NurseryError(
                f"cannot start the nursery: {error.strerror}; free some processes, descriptors "
                "or memory and try again",
                number=error.errno,
            ) from error

        self._nursery = nursery
        self._group.start_soon(self._listen, nursery)

    def close(self) -> None:
        """Let the nursery go: it leaves after its last keeper."""
        if self._nursery is not None:
            self._drop(self._nursery)

    def reserve(self) -> KeeperLink | None:
        """Ask for a keeper ahead of its order, so that it is forked while the order is made.

        The caller gives it to `launch`, or closes it.

        Returns:
            None when it cannot be asked for at once; `launch` finds out why.
        """
        if self._nursery is None:
            return None

        try:
            ours, theirs = socket.socketpair()
        except OSError:
            return None

        link = KeeperLink(ours, self._nursery.process.pid)
        with theirs:
            try:
                socket.send_fds(self._nursery.requests, [b"k"], [theirs.fileno()])
            except OSError:
                link.close()
                return None

        return link

    async def launch(
        self, order: LaunchMessage, reserved: KeeperLink | None = None
    ) -> tuple[KeeperLink, Running]:
        """Start one agent; the caller owns the link, and with it the agent's life.

        Args:
            order: What to start.
            reserved: The keeper to start it with; None for one that is asked for now.

        Raises:
            LaunchError: It was not started, and nothing of it is left.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            link, reserved = reserved, None
            if link is None:
                link = await self._new_keeper()

            if link is None:
                continue

            try:
                with anyio.fail_after(LAUNCH_TIMEOUT):
                    answer = await self._answer(link, order)
            except TimeoutError:
                link.close()
                raise LaunchError(
                    f"the agent did not start within {LAUNCH_TIMEOUT:.0f} s; is the working "
                    f"directory {order['cwd']} on a file system that does not answer?",
                    number=errno.ETIMEDOUT,
                ) from None
            except OSError:
                answer = None
            except BaseException:
                link.close()
                raise

            if answer is not None and answer["event"] == "started":
                running = read_started(answer)
                # What was told of an earlier one with its pid, nobody has asked for.
                self._swept.pop(running.keeper.pid, None)
                return link, running

            link.close()
            if answer is not None:
                raise read_refusal(order, answer)

            # Its nursery or its keeper was killed before it said anything: once more.
            logger.warning("launch of agent %s: attempt %d failed", order["agent_id"], attempt)
            if self._nursery is not None and self._nursery.process.poll() is not None:
                self._drop(self._nursery)

        raise NurseryError(
            f"no keeper could be started for agent {order['agent_id']}; see {self._log}"
        )

    async def _answer(self, link: KeeperLink, order: LaunchMessage) -> dict[str, Any] | None:
        # When nobody takes the order, why that is may have been said already.
        with suppress(OSError):
            await link.send_order(order)

        with anyio.move_on_after(NUDGE):
            return await link.next_message()

        self._nudge()
        return await link.next_message()

    def _nudge(self) -> None:
        """Let the nursery go on, should somebody have stopped it."""
        if self._nursery is not None:
            self._nursery.process.send_signal(signal.SIGCONT)

    async def swept_after(self, keeper: int, nursery: int) -> tuple[ProcessNote, ...] | None:
        """Wait for what the nursery found and killed after its keeper had been killed.

        Args:
            keeper: The pid of the keeper.
            nursery: The pid of the nursery that forked it.

        Returns:
            None when no nursery will say it.
        """
        self._nudge()
        with anyio.move_on_after(SWEEP_REPORT_TIMEOUT):
            while keeper not in self._swept:
                if self.nursery_pid != nursery:
                    return None

                await self._news.wait()

        return self._swept.pop(keeper, None)

    def _drop(self, nursery: NurseryProcess) -> None:
        """Ask nothing more of it; its listening task sees it off."""
        if self._nursery is nursery:
            self._nursery = None

        nursery.listening.cancel()
        nursery.requests.close()
        # One that somebody has stopped would stay.
        nursery.process.send_signal(signal.SIGCONT)

    async def _new_keeper(self) -> KeeperLink | None:
        """Ask for a keeper, of a new nursery if need be; None when that is gone at once."""
        self.start()
        return await self._ask(self._nursery) if self._nursery is not None else None

    async def _ask(self, nursery: NurseryProcess) -> KeeperLink | None:
        """Ask for a keeper; None when the nursery is gone.

        Raises:
            LaunchError: There is no free descriptor.
        """
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise LaunchError(
                f"cannot open a socket: {error.strerror}; close some files and try again",
                number=error.errno,
            ) from error

        link = KeeperLink(ours, nursery.process.pid)
        try:
            with theirs:
                # One at a time: two tasks cannot wait for the same socket.
                async with self._asking:
                    while True:
                        try:
                            socket.send_fds(nursery.requests, [b"k"], [theirs.fileno()])
                        except BlockingIOError:
                            await anyio.wait_writable(nursery.requests)
                        else:
                            return link
        except OSError as error:
            link.close()
            self._drop(nursery)
            logger.warning("nursery pid=%d is gone: %s", nursery.process.pid, error)
            return None
        except BaseException:
            link.close()
            raise

    async def _listen(self, nursery: NurseryProcess) -> None:
        with nursery.listening:
            await self._hear_out(nursery.requests)

        if self._nursery is nursery:
            self._drop(nursery)
            self._scope = False  # whoever ends scopes would end the next one as well
            # Its end of the socket is closed: it has ended, and is reaped here and now.
            status = nursery.process.wait()
            logger.warning(
                "nursery pid=%d died, status %d; a new one follows", nursery.process.pid, status
            )
            try:
                self.start()
            except NurseryError as error:
                logger.warning("%s; the next launch tries", error)

        self._wake()
        await nursery.reap()

    async def _hear_out(self, requests: socket.socket) -> None:
        lines = LineBuffer()
        while requests.fileno() >= 0:
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
            for keeper in message["keepers"]:
                notes = tuple(ProcessNote.model_validate(one) for one in keeper["processes"])
                self._swept[keeper["pid"]] = notes
                logger.warning(
                    "keeper pid=%d did not see its agent off; swept %d processes",
                    keeper["pid"],
                    len(notes),
                )

            self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = anyio.Event()
