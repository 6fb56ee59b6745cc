"""The orchestrator's end of a keeper's lifeline."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import anyio

from .messages import policy_message
from .wire import LineBuffer, encode

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from orchestrator.model import StopPolicy

    from .wire import LaunchMessage, StopMessage

_CHUNK = 65536

#: Characters of a stop's reason that a keeper is told: what it is told must fit into its socket.
_REASON_MAX = 1000


class KeeperLink:
    """The live connection to one keeper; closing it tells the keeper to stop its agent.

    Use it as a context manager.

    Attributes:
        nursery: The pid of the nursery that forked the keeper.
    """

    def __init__(self, channel: socket.socket, nursery: int) -> None:
        """Own this end of a socket pair."""
        self.nursery = nursery
        channel.setblocking(False)  # noqa: FBT003  the method takes it so
        self._channel = channel
        self._lines = LineBuffer()
        self._pending: list[dict[str, Any]] = []

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

    def stop(self, reason: str, *, policy: StopPolicy | None = None, kill: bool = False) -> bool:
        """Ask for a stop, at once and without waiting for it.

        Args:
            reason: Why, in words, for the receipt, which holds 1,000 characters of it.
            policy: Other graces than the launch named.
            kill: Skip what is left of every grace.

        Returns:
            Whether the keeper was there to be asked.
        """
        request: StopMessage = {
            "op": "kill" if kill else "stop",
            "reason": reason[:_REASON_MAX],
            "policy": policy_message(policy) if policy else None,
        }
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
