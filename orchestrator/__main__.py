"""The program: a relay, the MCP server or the command line, by how it was called."""

from __future__ import annotations

import os
import sys

#: As in `orchestrator.config`, whose import would cost the relay half of its start.
SOCKET_VARIABLE = "ORCHESTRATOR_SOCKET"
COOKIE_VARIABLE = "ORCHESTRATOR_COOKIE"


def main() -> int:
    """Run what the arguments ask for.

    Without any, or with ``mcp`` alone, the process is an MCP server on standard input and output.
    Started by an agent, it becomes a relay to the orchestrator of that agent, if that one lives.

    Returns:
        The exit status.
    """
    if os.getpid() == 1:
        # Of a container, that is: what pid 1 has to do, an event loop cannot.
        from orchestrator.process.init import ensure_init  # noqa: PLC0415  only there

        ensure_init()

    arguments = sys.argv[1:]
    if arguments not in ([], ["mcp"]):
        from orchestrator.frontends.cli.program import run  # noqa: PLC0415  0.3 s, see below

        return run(arguments)

    # An agent waits for its relay: nothing but the standard library is loaded before it.
    status = _relay()
    if status is not None:
        return status

    if not arguments and _at_a_terminal():
        from orchestrator.frontends.cli.overview import OVERVIEW  # noqa: PLC0415  not for a relay

        sys.stdout.write(OVERVIEW)
        return 0

    import signal  # noqa: PLC0415  it takes a while, and agents wait for their relay

    # A client that gives up during the import gets a plain end by SIGINT, not a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from orchestrator.frontends.mcp.program import main as serve  # noqa: PLC0415  takes 1 s

    return serve()


def _relay() -> int | None:
    socket_path = os.environ.get(SOCKET_VARIABLE)
    cookie = os.environ.get(COOKIE_VARIABLE)
    if not socket_path or not cookie:
        return None

    from orchestrator.frontends.relay import main as relay  # noqa: PLC0415  only agents need it

    return relay(socket_path, cookie)


def _at_a_terminal() -> bool:
    try:
        return os.isatty(0)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main())
