"""Finding and ending what is left of an agent when no keeper is there to do it."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from orchestrator.model import ProcessNote

from . import tree
from .identity import alive

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.model import Cookie, ProcessIdentity

    from .cgroup import AgentGroup
    from .tree import Proc

_ROUND = 0.05


async def sweep(
    cookie: Cookie,
    *,
    variable: str,
    not_before: int,
    leader: ProcessIdentity | None = None,
    cgroup: AgentGroup | None = None,
    grace: float,
    kill_limit: float = 5.0,
) -> tuple[ProcessNote, ...]:
    """Find an agent's processes by cookie, identity and control group; SIGTERM, then SIGKILL.

    Args:
        cookie: The launch token in their environment.
        variable: The name of the variable that holds it.
        not_before: Start time (clock ticks since boot) of the launch or of something before it:
            neither cookie nor control group condemns a process that is older.
        leader: The agent itself, when it is known.
        cgroup: Its control group, when it has one; see `recorded_group`. It is removed.
        grace: Seconds between SIGTERM and SIGKILL.
        kill_limit: Seconds of SIGKILL, round after round.

    Returns:
        Everyone who was found and signalled.
    """
    found: dict[int, ProcessNote] = {}
    began = time.monotonic()
    first = True
    while (passed := time.monotonic() - began) < grace + kill_limit:
        late = passed >= grace
        whole = cgroup if cgroup is not None and _all_younger(cgroup, not_before) else None
        if whole is not None:
            # Nobody forks between the look and the kill; and nobody frozen hears of SIGTERM.
            whole.freeze(0) if late else whole.thaw()

        procs = await to_thread.run_sync(find, cookie, variable, not_before, leader, cgroup)
        if not procs and not (whole is not None and whole.populated()):
            break

        for proc in procs:
            found[proc.pid] = ProcessNote(pid=proc.pid, name=proc.name, session=proc.sid)
            if late:
                tree.send(proc, signal.SIGKILL)
            elif first:
                tree.send(proc, signal.SIGTERM, signal.SIGCONT)

        if late and whole is not None:
            whole.kill()

        first = False
        await anyio.sleep(_ROUND)

    if cgroup is not None:
        cgroup.thaw()
        await to_thread.run_sync(cgroup.remove)

    return tuple(found.values())


def find(
    cookie: Cookie,
    variable: str,
    not_before: int,
    leader: ProcessIdentity | None = None,
    cgroup: AgentGroup | None = None,
) -> list[Proc]:
    """Find the live processes with the cookie or in the group, their descendants and sessions."""
    everybody = [proc for proc in tree.everyone() if not proc.ended]
    members = set(cgroup.members()) if cgroup is not None else set[int]()
    own = {
        proc.pid
        for proc in everybody
        if proc.start >= not_before
        and (proc.pid in members or tree.environment(proc.pid).get(variable) == cookie)
    }
    if leader is not None and alive(leader):
        own.add(leader.pid)

    return _with_kin(own, everybody)


def _all_younger(cgroup: AgentGroup, not_before: int) -> bool:
    """Whether nobody in the group is older than its agent, moved there by whoever could."""
    procs = [tree.read(pid) for pid in cgroup.members()]
    return all(proc is None or proc.start >= not_before for proc in procs)


def _with_kin(own: set[int], everybody: Iterable[Proc]) -> list[Proc]:
    """Add children, and the members of sessions that an own process leads, until nobody is new."""
    everybody = list(everybody)
    size = -1
    while size != len(own):
        size = len(own)
        own |= {proc.pid for proc in everybody if proc.ppid in own or proc.sid in own}

    return [proc for proc in everybody if proc.pid in own]
