"""The server on standard input and output: its signals, its end, and its exit status."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import threading
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Literal

import anyio

from orchestrator.config import Settings
from orchestrator.errors import InvalidInputError, OrchestratorError
from orchestrator.tasks.caller import Caller

from .agents import serve_agents
from .descriptors import DescriptorReceiveStream, DescriptorSendStream
from .logs import set_up_logging
from .server import serve_connection
from .wire import claimed_stdio, open_missing

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from anyio.abc import TaskStatus

    from .descriptors import Descriptor
    from .ports import App, OpenApp

logger = logging.getLogger(__name__)

Backend = Literal["asyncio", "trio"]

BACKEND_VARIABLE: Final = "ORCHESTRATOR_BACKEND"

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

END_OF_INPUT: Final = "end of input"

#: Seconds that calls still running at end of input get to answer. They count against the 2 s in
#: which the whole server should be gone.
GRACE: Final = 0.25

#: Seconds for what the client had said before the end of input and was not read by then. Agents
#: are being stopped meanwhile.
REST: Final = 1.0

#: Seconds that the threads of calls get to end by themselves, once everything else has ended.
THREAD_TIME: Final = 0.1

#: Exit statuses: the settings cannot be read; something failed.
USAGE: Final = 2
FAILURE: Final = 1


class Ending:
    """How the server ends: the first reason counts, and every keeper hears it at once."""

    def __init__(self) -> None:
        """Begin with no reason."""
        self.status: int | None = None
        self.root = anyio.CancelScope()
        self._reason: str | None = None
        self._app: App | None = None

    def opened(self, app: App) -> None:
        """Take the app as soon as there is one; it hears of a reason that came before it."""
        self._app = app
        if self._reason is not None:
            app.begin_shutdown(self._reason)

    def begin(self, reason: str, status: int) -> None:
        """Begin the shutdown; later reasons change nothing."""
        if self._reason is not None:
            return

        self._reason = reason
        self.status = status
        if self._app is not None:
            self._app.begin_shutdown(reason)

        logger.debug("The shutdown begins: %s", reason)


async def serve_stdio(
    settings: Settings, *, open_app: OpenApp, agent_socket: Path | None = None
) -> int:
    """Serve the client on standard input and output, and agents on their socket.

    The first of a signal and the end of input ends it; what comes later changes nothing.

    Args:
        settings: The settings.
        open_app: Builds the house; leaving it waits for its agents, with a bound.
        agent_socket: Where agents report back; None for no such socket.

    Returns:
        The exit status: 0 after end of input, 128 + n after signal n.
    """
    ending = Ending()
    async with anyio.create_task_group() as outermost:
        # In place before anything is launched, and until everything is gone.
        await outermost.start(_watch_signals, ending)
        with claimed_stdio() as (receive, send), ending.root:
            async with open_app(settings) as app:
                ending.opened(app)
                try:
                    await _serve(app, ending, receive, send, agent_socket)
                finally:
                    ending.begin("a failure", FAILURE)

        outermost.cancel_scope.cancel()

    return FAILURE if ending.status is None else ending.status


async def _serve(
    app: App,
    ending: Ending,
    receive: Descriptor,
    send: Descriptor,
    agent_socket: Path | None,
) -> None:
    async with anyio.create_task_group() as sessions:
        if agent_socket is not None:
            await sessions.start(serve_agents, agent_socket, app.tasks, app.agent_for_cookie)

        await serve_connection(
            app.tasks,
            Caller(),
            DescriptorReceiveStream(receive),
            DescriptorSendStream(send),
            on_end=partial(ending.begin, END_OF_INPUT, 0),
            grace=GRACE,
            hung_up=receive.hung_up,
            rest=REST,
        )
        ending.begin(END_OF_INPUT, 0)
        sessions.cancel_scope.cancel()


async def _watch_signals(
    ending: Ending, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    with _signals_taken() as numbers:
        task_status.started()
        while True:
            await anyio.wait_readable(numbers)
            # One at a time: the first counts. There may be handlers of other signals as well.
            (number,) = numbers.recv(1)
            if number in SIGNALS:
                ending.begin(signal.Signals(number).name, 128 + number)
                ending.root.cancel()


@contextmanager
def _signals_taken() -> Generator[socket.socket]:
    """Let the number of each signal arrive at a socket; from the end of the block on, nowhere.

    The receiver of anyio gives the signals back to the system when it is closed, and clients send
    SIGTERM just when the server is about to be done: it would be killed between that and `_leave`.
    """
    receiving, sending = socket.socketpair()
    with receiving, sending:
        sending.settimeout(0.0)
        # Written to at once, whichever thread a signal interrupts: the event loop has to wake up.
        before = signal.set_wakeup_fd(sending.fileno(), warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, _pass_over)

        try:
            yield receiving
        finally:
            signal.set_wakeup_fd(before)


def _pass_over(_number: int, _frame: object) -> None:
    """Do nothing more about a signal; with this in place it does not end the process."""


def main(open_app: OpenApp, *, agent_socket: Path | None = None) -> int:
    """Run the server as a program.

    Args:
        open_app: `orchestrator.app.open_app`, its surroundings bound.
        agent_socket: Where agents report back.

    Returns:
        The exit status. Where a thread is stuck, the process ends here instead.
    """
    open_missing()
    try:
        set_up_logging(os.environ)
        settings, backend = Settings.read(), _backend(os.environ)
    except InvalidInputError as error:
        return refuse(error)

    return _leave(_run(settings, backend, open_app, agent_socket))


def refuse(error: InvalidInputError) -> int:
    """Say why the server cannot be started; returns the exit status."""
    sys.stderr.write(f"orchestrator: {error}\n")
    return USAGE


def _backend(variables: Mapping[str, str]) -> Backend:
    match variables.get(BACKEND_VARIABLE, "").strip().casefold():
        case "" | "asyncio":
            return "asyncio"
        case "trio" if find_spec("trio") is not None:
            return "trio"
        case "trio":
            raise InvalidInputError(f"{BACKEND_VARIABLE} is trio: install that here, or unset it")
        case other:
            raise InvalidInputError(f"{BACKEND_VARIABLE} must be asyncio or trio, not {other!r}")


def _run(settings: Settings, backend: Backend, open_app: OpenApp, agent_socket: Path | None) -> int:
    status = FAILURE
    try:
        status = anyio.run(
            partial(serve_stdio, settings, open_app=open_app, agent_socket=agent_socket),
            backend=backend,
        )
    except* OrchestratorError as group:
        for error in group.exceptions:
            logger.error("%s", error)  # noqa: TRY400  its message says all; no traceback
    except* Exception:
        logger.exception("The server failed")

    return status


def _leave(status: int) -> int:
    """End now if a thread would keep the process; else hand the status on."""
    # Without this the interpreter takes 0.2 s and more to clear the memory of a process that ends,
    # and clients kill after 0.4 s: the exit status would be theirs.
    gc.freeze()
    for number in SIGNALS:
        # Everything is gone; a late signal must not change the status.
        signal.signal(number, signal.SIG_IGN)

    main_thread = threading.main_thread()
    others = [
        thread
        for thread in threading.enumerate()
        if thread is not main_thread and not thread.daemon
    ]
    for thread in others:
        thread.join(THREAD_TIME / len(others))

    if stuck := [thread.name for thread in others if thread.is_alive()]:
        logger.warning("Ending with threads that are stuck: %s", ", ".join(stuck))
        logging.shutdown()
        os._exit(status)

    return status
