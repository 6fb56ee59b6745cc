"""The socket on which agents report back, through their relays."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import stat
from typing import TYPE_CHECKING, Any, Final, cast

import anyio
from anyio.abc import SocketAttribute, SocketListener
from anyio.streams.buffered import BufferedByteReceiveStream

from orchestrator.errors import InvalidInputError
from orchestrator.tasks.caller import Caller

from .peer import peer_uid
from .server import serve_connection

if TYPE_CHECKING:
    from pathlib import Path

    from anyio.abc import SocketStream, TaskStatus

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


async def serve_agents(
    path: Path,
    tasks: TaskTools,
    identify: Identify,
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Serve relays until cancelled; started as soon as the socket takes connections.

    Args:
        path: Where the socket is made, for its owner only.
        tasks: What the tools call.
        identify: The agent behind a cookie; None for a cookie that is nobody's.
        task_status: For ``TaskGroup.start``.

    Raises:
        InvalidInputError: The socket cannot be made there.
    """
    listening = _bind(path)
    try:
        async with (
            await SocketListener.from_socket(listening) as listener,
            anyio.create_task_group() as connections,
        ):
            task_status.started()
            logger.info("Listening for agents on %s", path)
            while True:
                try:
                    stream = await listener.accept()
                except anyio.BrokenResourceError as error:
                    logger.warning("Could not accept a relay: %s", error.__cause__)
                    await anyio.sleep(ACCEPT_PAUSE)
                    continue

                connections.start_soon(_serve_relay, stream, tasks, identify)
    finally:
        _unlink(path)


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
        except BaseException:
            listening.close()
            raise
    except OSError as error:
        raise InvalidInputError(
            f"No agent socket can be made at {path}: {error}. A path of at most 107 bytes in a "
            "folder of your own is needed"
        ) from error

    return listening


async def _serve_relay(stream: SocketStream, tasks: TaskTools, identify: Identify) -> None:
    """Serve one connection; whatever goes wrong with it ends it alone."""
    try:
        async with stream:
            buffered = BufferedByteReceiveStream(stream)
            agent_id = await _shake_hands(stream, buffered, identify)
            if agent_id is not None:
                logger.debug("Agent %s connected", agent_id)
                await serve_connection(tasks, Caller(agent_id=agent_id), buffered, stream)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        logger.debug("A relay went away")
    except Exception:
        logger.exception("The connection of a relay failed")


async def _shake_hands(
    stream: SocketStream, buffered: BufferedByteReceiveStream, identify: Identify
) -> AgentId | None:
    """Find out who connected, and say so; None, after saying why, for whom nothing is done."""
    uid = peer_uid(stream.extra(SocketAttribute.raw_socket))  # noqa: S610  nothing of Django
    if uid is not None and uid != os.geteuid():
        logger.warning("Refused a connection of user %d to the agents' socket", uid)
        return await _refuse(stream, "This socket is another user's")

    line = b""
    with anyio.move_on_after(HANDSHAKE_TIME) as patience:
        try:
            line = await buffered.receive_until(b"\n", HANDSHAKE_MAX)
        except (anyio.IncompleteRead, anyio.DelimiterNotFound):
            return await _refuse(stream, "No handshake; connect through the relay")

    if patience.cancelled_caught:
        return await _refuse(stream, f"No handshake within {HANDSHAKE_TIME:g} s")

    cookie = _cookie_in(line)
    agent_id = None if cookie is None else identify(cookie)
    if agent_id is None:
        logger.warning("Refused a relay that named no agent of this orchestrator")
        return await _refuse(stream, "This cookie belongs to no agent of this orchestrator")

    await _say(stream, {"ok": True, "agent_id": agent_id})
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
    known = handshake.get("orchestrator") == VERSION and isinstance(cookie, str)
    return cookie if known and isinstance(cookie, str) else None


async def _refuse(stream: SocketStream, why: str) -> None:
    await _say(stream, {"error": why})


async def _say(stream: SocketStream, what: dict[str, object]) -> None:
    with anyio.move_on_after(HANDSHAKE_TIME):
        await stream.send(json.dumps(what).encode() + b"\n")
