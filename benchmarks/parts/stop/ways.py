"""The ways of ending everything that are compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from benchmarks.contenders.bare import ANYIO, POPEN
from benchmarks.contenders.circus import CircusContender, CircusSession
from benchmarks.contenders.floor import FLOOR, the_floor
from benchmarks.contenders.library import TRIO, LibraryContender
from benchmarks.contenders.mcp import McpContender, McpSession
from benchmarks.contenders.supervisord import SupervisordContender, SupervisordSession
from benchmarks.contenders.tmux import TmuxContender, TmuxSession
from benchmarks.contenders.worker import WorkerSession

from .attempt import attempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.contenders.base import Contender, Session
    from benchmarks.ground import Ground
    from benchmarks.parts.base import Context

    from .attempt import Ending, S

#: The keys of the ways that the targets are about.
END_OF_INPUT: Final = "mcp-end-of-input"
LIBRARY: Final = "library"
SERVERS: Final = ("supervisord", "circus", "tmux")

#: The keys of this project's ways.
OURS: Final = (LIBRARY, "library-trio", END_OF_INPUT, "mcp-kill")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way of ending everything.

    Attributes:
        key: Its short name.
        name: What it is called in tables.
        contender: Whose it is.
        attempt: Tries it once.
    """

    key: str
    name: str
    contender: Contender[Session]
    attempt: Callable[[Context, int], Ending]


def all_ways(ground: Ground, count: int) -> tuple[Way, ...]:
    """Return every way of ending so many agents."""
    library, trio, mcp, tmux = LibraryContender(), TRIO, McpContender(), TmuxContender()
    supervisord = SupervisordContender(capacity=count)
    # What an arbiter stops at first would leave processes: it starts nothing by itself.
    circus = CircusContender(capacity=count, autostart=False)
    return (
        _bare(FLOOR, "the floor: SIGTERM, and waitpid", the_floor(ground), knows=True),
        _way(LIBRARY, "library, asyncio: block left", library, WorkerSession.leave),
        _way("library-trio", "library, trio: block left", trio, WorkerSession.leave),
        _way(END_OF_INPUT, "MCP server: end of input", mcp, McpSession.hang_up),
        _way("mcp-kill", "MCP server: SIGKILL", mcp, McpSession.kill),
        _bare("popen", "bare Popen: killpg(SIGTERM)", POPEN),
        _bare("anyio", "anyio: terminate()", ANYIO),
        _way("tmux", "tmux kill-server", tmux, TmuxSession.kill_server),
        _way("supervisord", "supervisord shutdown", supervisord, SupervisordSession.shutdown),
        _way("circus", "circus quit", circus, CircusSession.quit),
    )


def _way(key: str, name: str, contender: Contender[S], end: Callable[[S], None]) -> Way:
    """Make a way in which the server ends, too."""
    return Way(key=key, name=name, contender=contender, attempt=partial(attempt, contender, end))


def _bare(key: str, name: str, contender: Contender[WorkerSession], *, knows: bool = False) -> Way:
    """Make a way of one that is no server, and stays when its agents are ended."""
    prepare = WorkerSession.know if knows else None
    end = WorkerSession.end
    once = partial(attempt, contender, end, prepare=prepare, houses=False)
    return Way(key=key, name=name, contender=contender, attempt=once)
