"""Every exception that the orchestrator raises on purpose, as one tree.

A message says what to do next. An error of the domain also inherits the built-in error that it
is, so that a caller of the library can catch either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class OrchestratorError(Exception):
    """The root of the tree; catching it catches everything raised on purpose.

    Attributes:
        details: More facts for a machine to read, e.g. ``{"agent_id": ...}``. Front ends add
            them to the answer beside the message.
    """

    def __init__(self, message: str, **details: object) -> None:
        """Take the sentence for the user, and more facts by name."""
        super().__init__(message)
        self.details: Mapping[str, object] = details


class InvalidInputError(OrchestratorError, ValueError):
    """An argument that cannot be what it should be; nothing was done."""


class NotFoundError(OrchestratorError, LookupError):
    """There is no such task or agent."""


class LimitReachedError(OrchestratorError):
    """One more agent would exceed a limit; nothing was started."""


class GateClosedError(OrchestratorError):
    """The family of an agent is being stopped; nothing is launched below it."""


class NotPermittedError(OrchestratorError, PermissionError):
    """An agent tried to act as, or upon, somebody who is not its own."""


class LaunchError(OrchestratorError, OSError):
    """The operating system would not start the agent; nothing is left half done.

    Attributes:
        errno: What the system said, if it was the system that said it.
    """

    def __init__(self, message: str, *, number: int | None = None, **details: object) -> None:
        """Take the sentence for the user, and the errno."""
        super().__init__(message, **details)
        self.errno = number


class NurseryError(LaunchError):
    """The nursery, the process that forks keepers, could not be started or did not answer."""


class RegistryError(OrchestratorError):
    """The registry on disk cannot be used; the message says which file and what to do."""


class AgentLostError(OrchestratorError):
    """The agent's end was seen by nobody: there is no outcome to give."""


class AgentStateError(OrchestratorError):
    """What was asked for cannot be done with an agent in its present state; nothing was done."""


class ShuttingDownError(OrchestratorError):
    """The orchestrator is on its way out and starts nothing new."""
