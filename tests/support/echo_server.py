"""A small MCP server on stdio for the real CLIs: its one tool gives back what it is told.

With a path as argument it stays silent until it has read that named pipe to its end, so that a
test can make it come late without waiting for a time.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Serve until the client hangs up."""
    for gate in sys.argv[1:]:
        Path(gate).read_bytes()

    # After the gate: the import takes a second.
    from mcp.server import MCPServer  # noqa: PLC0415

    server = MCPServer("Echo")

    @server.tool()
    def echo(text: str) -> str:  # pyright: ignore[reportUnusedFunction]  the decorator keeps it
        """Give the text back."""
        return f"echo: {text}"

    server.run()


if __name__ == "__main__":
    main()
