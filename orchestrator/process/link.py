"""The orchestrator's end of a keeper's lifeline."""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING, Any, Final

import anyio

from .messages import policy_message, read_kept
from .wire import LineBuffer, encode

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from orchestrator.model import Frozen, LimitName, Running, Stopping, StopPolicy

    from .wire import LaunchMessage, StopMessage

logger = logging.getLogger(__name__)

_CHUNK = 65536

#: Seconds for a keeper to answer the orchestrator that comes in.
ANSWER_TIMEOUT: Final = 5.0

#: Seconds before one more attempt at a door before which others stand.
_CROWDED: Final = 0.02

#: Bytes that the address of a socket holds on every system (Linux: 107, macOS: 103).
ADDRESS_MAX: Final = 103

#: Characters of a stop's reason that a keeper is told: what it is told must fit into its socket.
_REASON_MAX = 1000


class KeeperLink:
    """The live connection to one keeper; closing it tells the keeper to stop its agent.

    Use it as a context manager.

    Attributes:
        nursery: The pid of the nursery that forked the keeper; None where another orchestrator's
            did.
    """

    def __init__(self, channel: socket.socket, nursery: int | None) -> None:
        """Own this end of a connection."""
        self.nursery = nursery
        channel.setblocking(False)  # noqa: FBT003  the method takes it so
        self._channel = channel
        self._lines = LineBuffer()
        self._pending: list[dict[str, Any]] = []

    @classmethod
    def broken(cls, nursery: int | None) -> Self:
        """Make a link to a keeper that is gone, and was forked by this nursery."""
        ours, theirs = socket.socketpair()
        theirs.close()
        return cls(ours, nursery)

    def __enter__(self) -> Self:
        """Return the link."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let the keeper know that nobody holds this end any more."""
        self._channel.close()

    async def send_order(self, order: LaunchMessage) -> None:
        """Send what to start.

        Raises:
            OSError: The keeper is gone.
        """
        rest = memoryview(encode(order))
        while rest:
            try:
                rest = rest[self._channel.send(rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._channel)

    async def next_message(self) -> dict[str, Any] | None:
        """Wait for what the keeper says next; None when it has ended or said nonsense."""
        while not self._pending:
            await anyio.wait_readable(self._channel)
            try:
                data = self._channel.recv(_CHUNK)
            except BlockingIOError:
                continue
            except OSError:
                data = b""

            if not data:
                return None

            try:
                self._pending = self._lines.feed(data)
            except ValueError:
                return None

        return self._pending.pop(0)

    def let_live(self) -> bool:
        """Let a durable agent outlive this link from here on; False when its keeper is gone."""
        return self._say({"op": "durable"})

    def adopt(self) -> bool:
        """Say that the agent is ours from here on; False when its keeper is gone."""
        return self._say({"op": "adopt"})

    def freeze(self) -> bool:
        """Ask that the agent stand still; False when its keeper is gone."""
        return self._say({"op": "freeze"})

    def thaw(self) -> bool:
        """Ask that it go on; False when its keeper is gone."""
        return self._say({"op": "thaw"})

    def stop(
        self,
        reason: str,
        *,
        policy: StopPolicy | None = None,
        kill: bool = False,
        limit: LimitName | None = None,
    ) -> bool:
        """Ask for a stop, at once and without waiting for it.

        Args:
            reason: Why, in words, for the receipt, which holds 1,000 characters of it.
            policy: Other graces than the launch named.
            kill: Skip what is left of every grace.
            limit: The limit that is the reason, if one is.

        Returns:
            Whether the keeper was there to be asked.
        """
        request: StopMessage = {
            "op": "kill" if kill else "stop",
            "reason": reason[:_REASON_MAX],
            "policy": policy_message(policy) if policy else None,
            "limit": limit,
        }
        return self._say(request)

    def _say(self, request: object) -> bool:
        message = encode(request)
        try:
            sent = self._channel.send(message, socket.MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        except OSError:
            return False

        if sent < len(message):
            # It takes nothing more now. The end of what it hears means a stop too.
            self._channel.shutdown(socket.SHUT_WR)

        return True


async def knock(door: Path) -> tuple[KeeperLink, Running | Frozen | Stopping] | None:
    """Come in as the orchestrator of a durable agent; the caller owns the link.

    Args:
        door: The socket of its keeper.

    Returns:
        The link, and how the agent stands; None when its keeper does not answer.
    """
    try:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError as error:
        logger.warning("no socket for %s: %s", door, error)
        return None

    link = KeeperLink(channel, None)
    try:
        with anyio.move_on_after(ANSWER_TIMEOUT):
            await _connect(channel, door)
            link.adopt()
            answer = await link.next_message()
            if answer is not None:
                return link, read_kept(answer)
    except (OSError, KeyError, TypeError, ValueError) as error:
        logger.debug("nobody answers at %s: %s", door, error)
    except BaseException:
        link.close()
        raise

    link.close()
    return None


async def _connect(channel: socket.socket, door: Path) -> None:
    """Connect, whatever the length of the path: a socket's address holds 107 bytes.

    Never in a thread: one that waits for its turn at a crowded door could not be cancelled.
    """
    while True:
        try:
            _try_to_connect(channel, door)
        except BlockingIOError:
            await anyio.sleep(_CROWDED)
        else:
            return


def _try_to_connect(channel: socket.socket, door: Path) -> None:
    if len(os.fsencode(door)) <= ADDRESS_MAX:
        channel.connect(str(door))
        return

    folder = os.open(door.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        channel.connect(f"/proc/self/fd/{folder}/{door.name}")
    finally:
        os.close(folder)
