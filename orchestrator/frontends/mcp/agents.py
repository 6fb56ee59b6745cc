"""The socket on which agents report back, through their relays."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

from orchestrator.errors import InvalidInputError
from orchestrator.tasks.caller import Caller

from .descriptors import Descriptor, DescriptorReceiveStream, DescriptorSendStream
from .peer import peer_uid
from .server import serve_connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from anyio.abc import ByteSendStream, TaskStatus

    from orchestrator.model import AgentId

    from .ports import Identify, TaskTools

logger = logging.getLogger(__name__)

#: A handshake is one line of at most so many bytes, and takes at most so many seconds.
HANDSHAKE_MAX: Final = 4_096
HANDSHAKE_TIME: Final = 5.0

#: The version of the handshake.
VERSION: Final = 1

#: Seconds before the next try when the system has no descriptor left for a connection.
ACCEPT_PAUSE: Final = 0.1

#: Connections that may wait to be accepted: many agents can start at once.
BACKLOG: Final = 1_024


@dataclass(frozen=True, kw_only=True)
class _Door:
    """What every connection is met with."""

    tasks: TaskTools
    identify: Identify
    handshake_time: float
    peer: Callable[[socket.socket], int | None]


async def serve_agents(
    path: Path,
    tasks: TaskTools,
    identify: Identify,
    *,
    handshake_time: float = HANDSHAKE_TIME,
    peer: Callable[[socket.socket], int | None] = peer_uid,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Serve relays until cancelled; started as soon as the socket takes connections.

    Args:
        path: Where the socket is made, for its owner only.
        tasks: What the tools call.
        identify: The agent behind a cookie; None for a cookie that is nobody's.
        handshake_time: Seconds that a connection gets to say whose it is.
        peer: Tells the user behind a connection.
        task_status: For ``TaskGroup.start``.

    Raises:
        InvalidInputError: The socket cannot be made there.
    """
    door = _Door(tasks=tasks, identify=identify, handshake_time=handshake_time, peer=peer)
    with _bind(path) as listening:
        try:
            async with anyio.create_task_group() as connections:
                task_status.started()
                logger.info("Listening for agents on %s", path)
                while True:
                    connection = await _accept(listening)
                    connections.start_soon(_serve_relay, connection, door)
        finally:
            _unlink(path)


async def _accept(listening: socket.socket) -> socket.socket:
    """Wait for the next connection, however long the system is short of something."""
    while True:
        await anyio.wait_readable(listening)
        try:
            connection, _ = listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            continue
        except OSError as error:
            logger.warning("Could not accept a relay: %s", error)
            await anyio.sleep(ACCEPT_PAUSE)
            continue

        return connection


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _bind(path: Path) -> socket.socket:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = path.parent.stat()
        if folder.st_uid != os.geteuid() or stat.S_IMODE(folder.st_mode) & 0o077:
            raise InvalidInputError(
                f"{path.parent} is open to other users, so no agent socket is made there: "
                "chmod it to 700, or choose another folder"
            )

        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK(path.lstat().st_mode):
                path.unlink()

        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(str(path))
            path.chmod(0o600)
            listening.listen(BACKLOG)
            listening.settimeout(0)
        except BaseException:
            listening.close()
            raise
    except OSError as error:
        raise InvalidInputError(
            f"No agent socket can be made at {path}: {error}. A path of at most 107 bytes in a "
            "folder of your own is needed"
        ) from error

    return listening


async def _serve_relay(connection: socket.socket, door: _Door) -> None:
    """Serve one connection; whatever goes wrong with it ends it alone."""
    try:
        with connection, Descriptor(connection.fileno()) as descriptor:
            receive = BufferedByteReceiveStream(DescriptorReceiveStream(descriptor))
            send = DescriptorSendStream(descriptor)
            agent_id = await _shake_hands(connection, receive, send, door)
            if agent_id is not None:
                logger.debug("Agent %s connected", agent_id)
                await serve_connection(
                    door.tasks,
                    Caller(agent_id=agent_id),
                    receive,
                    send,
                    hung_up=descriptor.hung_up,
                )
    except anyio.BrokenResourceError:
        logger.debug("A relay went away")
    except Exception:
        logger.exception("The connection of a relay failed")


async def _shake_hands(
    connection: socket.socket,
    receive: BufferedByteReceiveStream,
    send: ByteSendStream,
    door: _Door,
) -> AgentId | None:
    """Find out who connected, and say so; None, after saying why, for whom nothing is done."""
    uid = door.peer(connection)
    if uid is not None and uid != os.geteuid():
        logger.warning("Refused a connection of user %d to the agents' socket", uid)
        return await _refuse(send, "This socket is another user's")

    line = b""
    with anyio.move_on_after(door.handshake_time) as patience:
        try:
            line = await receive.receive_until(b"\n", HANDSHAKE_MAX)
        except (anyio.IncompleteRead, anyio.DelimiterNotFound):
            return await _refuse(send, "No handshake; connect through the relay")

    if patience.cancelled_caught:
        return await _refuse(send, f"No handshake within {door.handshake_time:g} s")

    cookie = _cookie_in(line)
    agent_id = None if cookie is None else door.identify(cookie)
    if agent_id is None:
        logger.warning("Refused a relay that named no agent of this orchestrator")
        return await _refuse(send, "This cookie belongs to no agent of this orchestrator")

    await _say(send, {"ok": True, "agent_id": agent_id})
    return agent_id


def _cookie_in(line: bytes) -> str | None:
    try:
        said: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None

    if not isinstance(said, dict):
        return None

    handshake = cast("dict[str, object]", said)
    cookie = handshake.get("cookie")
    if handshake.get("orchestrator") != VERSION or not isinstance(cookie, str):
        return None

    # Others are no cookies of ours, and what is half a character cannot even be looked up.
    return cookie if cookie.isascii() else None


async def _refuse(send: ByteSendStream, why: str) -> None:
    await _say(send, {"error": why})


async def _say(send: ByteSendStream, what: dict[str, object]) -> None:
    with anyio.move_on_after(HANDSHAKE_TIME):
        await send.send(json.dumps(what).encode() + b"\n")
