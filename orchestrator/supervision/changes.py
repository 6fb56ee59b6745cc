"""Telling whoever wants to know that an agent's state has changed."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from orchestrator.model import AgentRecord

logger = logging.getLogger(__name__)

#: Changes that a subscriber may be behind before it is let go.
BACKLOG = 1024


class Changes:
    """Everyone who wants to know."""

    def __init__(self, *listeners: Callable[[AgentRecord], None]) -> None:
        """Call these with each record that has changed, at once and in order."""
        self._listeners = listeners
        self._streams: list[MemoryObjectSendStream[AgentRecord]] = []

    def tell(self, record: AgentRecord) -> None:
        """Pass on a record that has changed; a listener that fails costs nobody else anything."""
        for listener in self._listeners:
            try:
                listener(record)
            except Exception:
                logger.exception("agent %s: not everybody could be told of a change", record.id)

        for stream in tuple(self._streams):
            try:
                stream.send_nowait(record)
            except anyio.WouldBlock:
                logger.warning("a subscriber is %d changes behind and is let go", BACKLOG)
                self._streams.remove(stream)
                stream.close()
            except anyio.BrokenResourceError:
                self._streams.remove(stream)

    @contextmanager
    def subscribe(self) -> Generator[MemoryObjectReceiveStream[AgentRecord]]:
        """Receive every change for the length of the block.

        The stream ends early for a subscriber that is more than `BACKLOG` changes behind.
        """
        send, receive = anyio.create_memory_object_stream["AgentRecord"](BACKLOG)
        self._streams.append(send)
        try:
            with receive:
                yield receive
        finally:
            send.close()
            if send in self._streams:
                self._streams.remove(send)
