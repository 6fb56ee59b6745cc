"""Who launches agents, and ends them; one file for each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .circus import CircusLauncher
from .library import LibraryLauncher
from .mcp import McpLauncher
from .program import ProgramLauncher, ScopeLauncher
from .supervisord import SupervisordLauncher

if TYPE_CHECKING:
    from .base import Launcher

#: This project first, then from what leaves most.
LAUNCHERS: Final[tuple[Launcher, ...]] = (
    McpLauncher(),
    LibraryLauncher(),
    ProgramLauncher(
        key="tmux",
        name="tmux, session each",
        means="`kill-session`, which hangs up, and nothing after it",
        needs="tmux",
    ),
    ProgramLauncher(
        key="popen", name="bare Popen", means="`terminate()`, 1 s, `kill()`: the agent alone"
    ),
    ProgramLauncher(
        key="killpg",
        name="killpg",
        means="`start_new_session`; `killpg`: SIGTERM, 1 s, SIGKILL to the group",
    ),
    ProgramLauncher(
        key="psutil",
        name="psutil, recursive",
        means="`children(recursive=True)`: SIGTERM, 1 s, SIGKILL to those who were seen",
    ),
    SupervisordLauncher(),
    CircusLauncher(),
    ScopeLauncher(),
)

LAUNCHER_BY_KEY: Final = {launcher.key: launcher for launcher in LAUNCHERS}

__all__ = ["LAUNCHERS", "LAUNCHER_BY_KEY"]
