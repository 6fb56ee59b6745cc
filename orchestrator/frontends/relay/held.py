"""The client's messages on their way to an orchestrator, which may not be there."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .messages import Message

#: Seconds that a message waits for an orchestrator. The shortest time in which a client that was
#: measured gives up a call is 60 s.
HOLD: Final = 30.0

#: Messages that may wait, and their bytes.
LINES_MAX: Final = 1_000
BYTES_MAX: Final = 16 * 1024 * 1024


class Held:
    """A queue in which nothing gets old."""

    def __init__(self, hold: float = HOLD) -> None:
        """Take the seconds that a message may wait."""
        self._hold = hold
        self._queue: deque[Message] = deque()
        self._size = 0

    def __len__(self) -> int:
        """Count them."""
        return len(self._queue)

    def put(self, message: Message) -> None:
        """Take one more, behind the others."""
        self._queue.append(message)
        self._size += len(message.line)

    def put_back(self, messages: list[Message]) -> None:
        """Take some, in their order, that are older than the others."""
        self._queue.extendleft(reversed(messages))
        self._size += sum(len(message.line) for message in messages)

    def has_room(self, message: Message) -> bool:
        """Tell whether one more may wait."""
        return len(self._queue) < LINES_MAX and self._size + len(message.line) <= BYTES_MAX

    def first(self) -> Message | None:
        """Return the oldest; it stays."""
        return self._queue[0] if self._queue else None

    def pop(self) -> Message:
        """Remove the oldest, and return it."""
        message = self._queue.popleft()
        self._size -= len(message.line)
        return message

    def remove(self, request_id: str) -> bool:
        """Remove the request with this id; False if there is none."""
        for message in self._queue:
            if message.asks and message.id == request_id:
                self._queue.remove(message)
                self._size -= len(message.line)
                return True

        return False

    def next_end(self) -> float:
        """Tell when the oldest has waited long enough; infinity when there is none."""
        return self._queue[0].since + self._hold if self._queue else float("inf")

    def pop_overdue(self, now: float) -> list[Message]:
        """Remove those that have waited long enough, and return them."""
        overdue: list[Message] = []
        while self.next_end() <= now:
            overdue.append(self.pop())

        return overdue
