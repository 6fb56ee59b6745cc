"""A nested copy of the server: passes what is said between its client and an orchestrator.

Nothing but the standard library is imported, because agents wait for it, and there may be many.
"""

from __future__ import annotations

import os

from .plain import main as plain

#: Type checkers take it for true. `typing` itself would take half of a relay's start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

#: How the addresses of durable agents end, see `orchestrator.model.AgentFiles`.
ADDRESS_SUFFIX: Final = ".address"


def main(socket_path: str, cookie: str) -> int | None:
    """Relay standard input and output until either side ends.

    Args:
        socket_path: The orchestrator's socket. For a durable agent, which may outlive its
            orchestrator, a symbolic link to it: the relay then waits for the next orchestrator.
        cookie: Whose relay this is.

    Returns:
        None when there is no orchestrator behind the socket, which is no link; no input has been
        read then, and the caller can serve by itself. Else an exit status: 0 when the client
        ended, 1 when the orchestrator refused us or, there being no link, went away first. Whoever
        is refused does not get a server of its own: an agent that has ended would have the rights
        of the user's own client there.
    """
    try:
        if _is_address(socket_path):
            from .reconnecting import main as reconnecting  # noqa: PLC0415  few agents are durable

            _end_by_signals()
            return reconnecting(socket_path, cookie)

        return plain(socket_path, cookie, _end_by_signals)
    except KeyboardInterrupt:
        # So early that it was not the system's yet.
        _end_by_signals()
        os.kill(os.getpid(), 2)
        raise


def _end_by_signals() -> None:
    """Let signals end the relay at once and without a word, as they end any plain program."""
    import signal  # noqa: PLC0415  it takes a while, and somebody waits for the relay before

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _is_address(path: str) -> bool:
    """Tell whether it is a link, or would be one if somebody had not removed it."""
    if os.path.lexists(path):
        return os.path.islink(path)  # noqa: PTH114  pathlib is not loaded here

    return path.endswith(ADDRESS_SUFFIX)
