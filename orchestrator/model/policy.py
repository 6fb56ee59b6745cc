"""How an agent is stopped."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import Noun

Seconds = Annotated[float, Field(ge=0, le=86_400)]


class StopPolicy(Noun):
    """How long each step of a stop waits; all times in seconds.

    The steps: the polite signal to the agent's own group, `polite_grace`; SIGTERM and SIGCONT to
    that group and to every escapee's, `term_grace`; SIGKILL until nobody is left, tried for
    `kill_limit`, after which the receipt names the survivors. A step ends early when its work is
    done.

    Attributes:
        polite_signal: A signal number, from the provider; None leaves the step out.
        polite_grace: For the polite signal.
        term_grace: For SIGTERM.
        linger: After the leader's own end, how long others may take to follow by themselves
            before they are swept.
        kill_limit: How long SIGKILL is repeated against processes that keep appearing.
    """

    polite_signal: Annotated[int, Field(ge=1, le=64)] | None = None
    polite_grace: Seconds = 0.5
    term_grace: Seconds = 1.2
    linger: Seconds = 0.3
    kill_limit: Seconds = 10.0

    @property
    def longest(self) -> float:
        """The longest that a stop may take before its last step, in seconds."""
        return (self.polite_grace if self.polite_signal else 0.0) + self.term_grace
