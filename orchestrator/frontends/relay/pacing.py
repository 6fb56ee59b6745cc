"""When a relay looks for an orchestrator again."""

from __future__ import annotations

from typing import Final

#: Seconds between two tries: the first and the longest.
DELAY_MIN: Final = 0.05
DELAY_MAX: Final = 1.0


class Pacing:
    """Tries come at once, then ever more rarely, until one has been worth it.

    Attributes:
        next_try: When, on the monotonic clock.
    """

    def __init__(self) -> None:
        """Begin with a try at once."""
        self.next_try = 0.0
        self._delay = DELAY_MIN
        self._since: float | None = None

    def succeeded(self, now: float) -> None:
        """Note that there is a connection. It may still turn out to be a short one."""
        self._since = now

    def proved(self) -> None:
        """Note that the connection was good for something."""
        self._delay = DELAY_MIN

    def failed(self, now: float) -> None:
        """Note that there is no connection, or no longer, and set the next try."""
        if self._since is not None and now - self._since > DELAY_MAX:
            self._delay = DELAY_MIN

        self._since = None
        self.next_try = now + self._delay
        self._delay = min(2 * self._delay, DELAY_MAX)
