"""The MCP server as a program: the house, what agents find of it, and the wire."""

from __future__ import annotations

from functools import partial

from orchestrator.app import open_app
from orchestrator.errors import InvalidInputError
from orchestrator.supervision import open_surroundings

from . import stdio


def main() -> int:
    """Serve the client on standard input and output; returns the exit status."""
    try:
        with open_surroundings() as surroundings:
            return stdio.main(
                partial(open_app, surroundings=surroundings), agent_socket=surroundings.socket
            )
    except InvalidInputError as error:
        return stdio.refuse(error)
