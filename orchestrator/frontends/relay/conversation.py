"""What a relay remembers of the conversation, to take it up again with another orchestrator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .messages import INITIALIZE, INITIALIZED, protocol_version, with_id

if TYPE_CHECKING:
    from .messages import Message

#: Under this id the client's ``initialize`` is said again; no client of ours calls a request so.
AGAIN: Final = "orchestrator-relay-initialize"
_AGAIN_ID: Final = f'"{AGAIN}"'


class Conversation:
    """Who waits for which answer, and how the conversation began."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._unanswered: dict[str, None] = {}
        self._asked: set[str] = set()
        self._opening: Message | None = None
        self._greeting: bytes | None = None
        self._version: object = None
        self._initialized: Message | None = None

    # ------------------------------------------------------------------ while connected
    def passed(self, message: Message) -> None:
        """Note what goes from the client to the orchestrator."""
        if message.asks and message.id is not None:
            self._unanswered[message.id] = None
            if message.method == INITIALIZE:
                self._opening = message
                self._initialized = None

        elif message.answers:
            self._asked.discard(str(message.id))
        elif message.method == INITIALIZED:
            self._initialized = message
        elif message.cancels is not None:
            self._unanswered.pop(message.cancels, None)

    def heard(self, message: Message) -> None:
        """Note what goes from the orchestrator to the client."""
        if message.asks and message.id is not None:
            self._asked.add(message.id)
        elif message.answers and message.id is not None:
            self._unanswered.pop(message.id, None)
            if self._opening is not None and self._opening.id == message.id:
                self._open(self._opening, protocol_version(message.line))

    def _open(self, opening: Message, version: object) -> None:
        self._opening = None
        if version is not None:
            self._greeting = opening.line
            self._version = version

    def awaits(self, answer: Message) -> bool:
        """Tell whether the present orchestrator asked for this answer, and not an earlier one."""
        return answer.id in self._asked

    # ------------------------------------------------------------------ when it is interrupted
    def interrupt(self) -> tuple[list[str], list[Message]]:
        """Forget what the orchestrator would have answered.

        Returns:
            The ids of the requests that it leaves unanswered, and what is to be passed on again
            as if it had not been yet: an ``initialize`` that is one more of them, since nothing
            comes of that twice, and what belongs to it.
        """
        again: list[Message] = []
        if self._opening is not None:
            self._unanswered.pop(str(self._opening.id), None)
            again = [one for one in (self._opening, self._initialized) if one is not None]
            self._opening = self._initialized = None

        unanswered = list(self._unanswered)
        self._unanswered.clear()
        self._asked.clear()
        return unanswered, again

    def greeting(self) -> bytes | None:
        """Return the ``initialize`` to say again; None when the client has not come so far."""
        return None if self._greeting is None else with_id(self._greeting, AGAIN)

    def is_greeted(self, message: Message) -> bool:
        """Tell whether this is the answer to the `greeting`."""
        return message.answers and message.id == _AGAIN_ID

    def resume(self, answer: Message) -> tuple[bytes, str | None]:
        """Take the answer to the `greeting`.

        Returns:
            What to say next, which may be nothing, and what is wrong with the answer, if anything.
        """
        version = protocol_version(answer.line)
        complaint = None
        if version is None:
            complaint = "the next orchestrator does not take this client's initialize; going on"
        elif version != self._version:
            complaint = (
                f"the next orchestrator speaks protocol version {version}, and the client began "
                f"with {self._version}; going on"
            )

        return b"" if self._initialized is None else self._initialized.line, complaint
