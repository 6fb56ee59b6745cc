"""What agents do that makes them hard to end, and how one sees that they have done it."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from . import daemons
from .sights import ignores, is_naked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .sights import Sight

#: What agents run; see there for the words that follow.
SCRIPT: Final = Path(__file__).resolve().parents[1] / "habits" / "leaks.sh"
SHELL: Final = "/bin/sh"

#: The first file lets a bomb begin; the others are an agent's word that it is so far.
GO: Final = "go"
CONTINUED: Final = "continued"
SERVES: Final = "serves"

#: Processes of a bomb that stay, each in a session of its own, and its leader.
STAYING: Final = 6

_IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_POSTGRES_AT_REST = 5
_ALONE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """One of them.

    Attributes:
        key: Its short name, by which an agent is told it.
        name: What it is called in tables.
        taken: Whether an agent has become what it is; asked with its live processes and the
            folder where they work.
        server: Which server it needs, as in `daemons`; None for none.
        gated: It begins when the file `GO` is there.
    """

    key: str
    name: str
    taken: Callable[[Sequence[Sight], Path], bool]
    server: str | None = None
    gated: bool = False

    def missing(self) -> str | None:
        """Say why an agent cannot have it here; None when it can."""
        return None if self.server is None else daemons.missing(self.server)


def _sleepers(sights: Sequence[Sight]) -> list[Sight]:
    return [sight for sight in sights if sight.name == "sleep"]


def _is_complete(sights: Sequence[Sight]) -> bool:
    return len(sights) == _ALONE and len(_sleepers(sights)) == _ALONE - 1


def _has_children(sights: Sequence[Sight], _folder: Path) -> bool:
    return _is_complete(sights) and len({sight.session for sight in sights}) == 1


def _ignores_signals(sights: Sequence[Sight], folder: Path) -> bool:
    return _has_children(sights, folder) and all(ignores(one.pid, _IGNORED) for one in sights)


def _leaders(sights: Sequence[Sight]) -> list[Sight]:
    return [sight for sight in _sleepers(sights) if sight.session == sight.pid]


def _has_tool(sights: Sequence[Sight], _folder: Path) -> bool:
    pids = {sight.pid for sight in sights}
    leaders = _leaders(sights)
    return _is_complete(sights) and len(leaders) == 1 and leaders[0].parent in pids


def _has_daemon(sights: Sequence[Sight], _folder: Path) -> bool:
    pids = {sight.pid for sight in sights}
    leaders = _leaders(sights)
    return _is_complete(sights) and len(leaders) == 1 and leaders[0].parent not in pids


def _has_naked_daemon(sights: Sequence[Sight], folder: Path) -> bool:
    return _has_daemon(sights, folder) and is_naked(_leaders(sights)[0].pid)


def _is_stopped(sights: Sequence[Sight], folder: Path) -> bool:
    stopped = any(sight.state == "T" for sight in sights)
    return bool(_sleepers(sights)) and (stopped or (folder / CONTINUED).exists())


def _has_gone_off(sights: Sequence[Sight], _folder: Path) -> bool:
    return sum(sight.session == sight.pid for sight in sights) > STAYING


def _runs_postgresql(sights: Sequence[Sight], folder: Path) -> bool:
    servers = sum(sight.name == "postgres" for sight in sights)
    return servers >= _POSTGRES_AT_REST and (folder / SERVES).exists()


def _runs_redis(sights: Sequence[Sight], folder: Path) -> bool:
    return any(_.name == "redis-server" for _ in sights) and (folder / SERVES).exists()


#: From the mildest on.
HABITS: Final = (
    Habit(key="children", name="children in the group", taken=_has_children),
    Habit(key="ignores", name="ignores TERM, INT, HUP", taken=_ignores_signals),
    Habit(key="tool", name="tool in its own session", taken=_has_tool),
    Habit(key="daemon", name="double-forked daemon", taken=_has_daemon),
    Habit(key="naked", name="daemon, empty environment", taken=_has_naked_daemon),
    Habit(
        key=daemons.POSTGRESQL,
        name="PostgreSQL",
        taken=_runs_postgresql,
        server=daemons.POSTGRESQL,
    ),
    Habit(key=daemons.REDIS, name="redis", taken=_runs_redis, server=daemons.REDIS),
    Habit(key="stopped", name="stopped, with a child", taken=_is_stopped),
    Habit(key="bomb", name="bomb of forks with setsid", taken=_has_gone_off, gated=True),
)

HABIT_BY_KEY: Final = {habit.key: habit for habit in HABITS}
