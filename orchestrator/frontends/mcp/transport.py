"""A byte stream in each direction, as the message streams that a session of the SDK works on."""

from __future__ import annotations

import logging
import math
from collections import Counter, deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anyio
import anyio.lowlevel
from mcp.shared.dispatcher import as_request_id, coerce_request_id
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_REQUEST,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)

from .framing import LineReader, LineTooLongError, NotAMessageError, encode, parse, reject

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from types import TracebackType
    from typing import Self

    from anyio.abc import ByteReceiveStream, ByteSendStream
    from anyio.streams.memory import MemoryObjectSendStream
    from mcp_types import JSONRPCMessage, RequestId

logger = logging.getLogger(__name__)

#: Answers that may wait for a client that does not read, in bytes; then it is not read either.
BACKLOG_MAX: Final = 64 * 1024 * 1024

#: Requests of one connection that are worked on at the same time; more wait unread.
REQUESTS_MAX: Final = 512

#: Answers of any length that are made at the same time: each is whole in memory, which an outbox
#: cannot know before it has it. About as many as anyio has threads to make them in.
LARGE_MAX: Final = 32

#: Seconds between two looks whether a client that is not being read has left.
HANG_UP_CHECK: Final = 0.25

#: Small answers are written together, up to so many bytes.
BATCH: Final = 64 * 1024


class Outbox:
    """The messages on their way to the client, and what it still waits for.

    It is the session's write stream. Its memory has a bound: a client that never reads its
    answers is not read any further, and delays nobody but itself.
    """

    def __init__(
        self, stream: ByteSendStream, *, backlog: int = BACKLOG_MAX, requests: int = REQUESTS_MAX
    ) -> None:
        """Take the stream to the client, and both limits."""
        self._stream = stream
        self._backlog_max = backlog
        self._requests_max = requests
        self._queue: deque[bytes] = deque()
        self._queued = 0
        #: How many requests of each id wait for an answer: nothing keeps a client from using one
        #: twice. What counts as the same id is for the session to say, which cancels by it.
        self._awaited: Counter[RequestId] = Counter()
        self._large = anyio.Semaphore(LARGE_MAX, fast_acquire=True)
        self._closing = False
        self._broken = False
        self._changed = anyio.Event()
        self._writing = anyio.CancelScope(shield=True)

    # ------------------------------------------------------------------ for the session
    async def send(self, item: SessionMessage, /) -> None:
        """Queue a message; wait while too much is queued.

        Raises:
            BrokenResourceError: The client is gone.
            ClosedResourceError: The session is over.
        """
        # Queued before the first await: whoever is cancelled right now has still answered.
        self.post(item.message)
        await anyio.lowlevel.checkpoint()
        await self._wait_short()

    @asynccontextmanager
    async def large(self) -> AsyncGenerator[None]:
        """Wait for the turn to make an answer that may be large; in the block it is made.

        Calls that run already are not held back by `room`: this is what bounds their answers.
        """
        async with self._large:
            await self._wait_short()
            yield

    async def aclose(self) -> None:
        """Let what is queued go out, and take nothing more."""
        self._closing = True
        self._wake()
        await anyio.lowlevel.checkpoint()

    async def __aenter__(self) -> Self:
        """Do nothing; leaving closes it."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None:
        """Close it."""
        await self.aclose()
        return None

    # ------------------------------------------------------------------ for the reader
    def post(self, message: JSONRPCMessage) -> None:
        """As `send`, for a message without its envelope, and without waiting for `room`."""
        if self._broken:
            raise anyio.BrokenResourceError

        if self._closing:
            raise anyio.ClosedResourceError

        line = encode(message)
        self._queue.append(line)
        self._queued += len(line)
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            self._settle(message.id)

        self._wake()

    def expect(self, message: JSONRPCMessage) -> None:
        """Note a request as waiting for its answer, and a cancelled one as not waiting."""
        match message:
            case JSONRPCRequest(id=request_id):
                self._awaited[coerce_request_id(request_id)] += 1
            case JSONRPCNotification(
                method="notifications/cancelled", params={"requestId": request_id}
            ):
                self._settle(as_request_id(request_id))
                self._wake()
            case _:
                pass

    @property
    def room(self) -> bool:
        """Whether one more request may be taken."""
        full = self._queued > self._backlog_max or self._awaited.total() >= self._requests_max
        return self._broken or not full

    async def wait_room(self) -> None:
        """Wait until one more request may be taken."""
        while not self.room:
            await self._changed.wait()

    async def wait_answered(self) -> None:
        """Wait until every request has its answer, and every answer is written."""
        while not self._broken and (self._awaited or self._queued):
            await self._changed.wait()

    # ------------------------------------------------------------------ for the owner
    async def run(self, on_broken: Callable[[], None]) -> None:
        """Write until the session is over; called once.

        Cancelling the task around it does not stop it, `finish` does: the last answers of a
        session that is cancelled still go out.

        Args:
            on_broken: Called when the client turns out to be gone.
        """
        with self._writing:
            try:
                while await self._wait_queued():
                    batch = self._take()
                    await self._stream.send(batch)
                    self._queued -= len(batch)
                    self._wake()
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                logger.info("The client does not take answers any more")
                self._give_up()
                on_broken()

        self._give_up()

    def finish(self, within: float) -> None:
        """End `run` when everything queued is written, or after so many seconds."""
        self._closing = True
        self._writing.deadline = anyio.current_time() + within
        self._wake()

    async def _wait_short(self) -> None:
        """Wait until no more is queued than may be."""
        while self._queued > self._backlog_max and not self._broken:
            await self._changed.wait()

    async def _wait_queued(self) -> bool:
        while not self._queue:
            if self._closing:
                return False

            await self._changed.wait()

        return True

    def _take(self) -> bytes:
        parts = [self._queue.popleft()]
        size = len(parts[0])
        while self._queue and size + len(self._queue[0]) <= BATCH:
            parts.append(self._queue.popleft())
            size += len(parts[-1])

        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _settle(self, request_id: RequestId | None) -> None:
        if request_id is None:
            return

        key = coerce_request_id(request_id)
        if self._awaited[key] > 1:
            self._awaited[key] -= 1
        else:
            del self._awaited[key]

    def _give_up(self) -> None:
        self._broken = True
        self._queue.clear()
        self._queued = 0
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


@dataclass(frozen=True, kw_only=True)
class Goodbye:
    """How the end of a client's input is noticed, and what follows.

    Attributes:
        on_end: Called at once, however much of the input is unread, and perhaps again.
        grace: Seconds that running calls get to answer, and answers to be read.
        hung_up: Whether the client will say nothing more than what is there to be read.
        rest: Seconds that reading this may take.
    """

    on_end: Callable[[], None]
    grace: float
    hung_up: Callable[[], bool]
    rest: float = math.inf


async def read_messages(
    stream: ByteReceiveStream,
    inbox: MemoryObjectSendStream[SessionMessage | Exception],
    outbox: Outbox,
    goodbye: Goodbye,
) -> None:
    """Hand what the client says to the session, until the client has nothing more to say.

    What is no message is answered here, and the connection goes on.

    Args:
        stream: The bytes from the client.
        inbox: The session's read stream; closing it cancels the calls that still run.
        outbox: For answers to what is no message.
        goodbye: What to do at end of input.
    """
    lines = LineReader(stream)
    async with inbox:
        try:
            with anyio.CancelScope() as patience:
                while await _wait_room(outbox, goodbye, patience):
                    await _read_one(lines, inbox, outbox)

            if patience.cancelled_caught:
                logger.info("The client left more to read than there was time for")
        except anyio.EndOfStream:
            logger.debug("End of input")
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            logger.debug("The session ended before its input")

        goodbye.on_end()
        with anyio.move_on_after(goodbye.grace):
            await outbox.wait_answered()


async def _wait_room(outbox: Outbox, goodbye: Goodbye, patience: anyio.CancelScope) -> bool:
    """Wait until one more request may be taken; False when the client left instead.

    Reading tells of the end only after all that was said before it, which may be much, and each
    of it a call that takes its time. So it is looked for before each message.
    """
    while True:
        hung_up = goodbye.hung_up()
        if hung_up and patience.deadline == math.inf:
            goodbye.on_end()
            patience.deadline = anyio.current_time() + goodbye.rest

        if outbox.room:
            return True

        with anyio.move_on_after(goodbye.grace if hung_up else HANG_UP_CHECK):
            await outbox.wait_room()

        if hung_up and not outbox.room:
            return False


async def _read_one(
    lines: LineReader, inbox: MemoryObjectSendStream[SessionMessage | Exception], outbox: Outbox
) -> None:
    try:
        line = await lines.next_line()
        if not line.strip():
            return

        message = parse(line)
    except LineTooLongError as error:
        await _reject(outbox, reject(INVALID_REQUEST, f"Invalid Request: {error}"))
    except NotAMessageError as error:
        await _reject(outbox, error.answer)
    else:
        outbox.expect(message)
        await inbox.send(SessionMessage(message))


async def _reject(outbox: Outbox, answer: JSONRPCError) -> None:
    """Answer without waiting for room: that is for `_wait_room`, which looks after the client."""
    outbox.post(answer)
    await anyio.lowlevel.checkpoint()
