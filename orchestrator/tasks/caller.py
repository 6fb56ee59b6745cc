"""Who asks for something to be done."""

from __future__ import annotations

from orchestrator.model import AgentId
from orchestrator.model.base import Noun


class Caller(Noun):
    """The one on the other end of a connection, as far as it is proven.

    Attributes:
        agent_id: The agent whose cookie opened the connection; None for the client that the
            server itself belongs to, which may act on everything.
    """

    agent_id: AgentId | None = None
