"""Pids that are used again, in a pid namespace: ``reused_pids.py WORKSPACE BACKEND``, as its pid 1.

An orchestrator launches two agents, and everyone is killed at once. Then strangers get the pids of
agents, keepers, nursery and orchestrator. The next start looks at what is left. Says as JSON what
it knows then, and how many of the strangers are still there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import anyio

from orchestrator import AgentSpec, open_orchestrator
from orchestrator.model import AgentRecord
from orchestrator.process import tree
from tests.support.durable import keeper_of, wait_recorded
from tests.support.orchestrators import open_child
from tests.support.signals import kill_at_once

LAST = Path("/proc/sys/kernel/ns_last_pid")
ATTEMPTS = 50


async def main(workspace: Path, backend: str) -> None:
    """Do all of it."""
    records, pids = await leave(workspace, backend)
    strangers = [become(pid) for pid in pids]
    async with open_orchestrator(workspace) as orchestrator:
        ends = [await wait_recorded(orchestrator, record.id) for record in records]
        for record in records:
            await orchestrator.stop(record.id, reason="enough", kill=True)

    states = [record.model_dump(mode="json")["state"] for record in ends]
    there = [pid for pid in strangers if not has_ended(pid)]
    sys.stdout.write(json.dumps({"ends": states, "strangers": len(pids), "there": len(there)}))


def has_ended(pid: int) -> bool:
    """Whether a child of this process has ended."""
    return os.waitpid(pid, os.WNOHANG)[0] == pid


def reap(pids: list[int]) -> None:
    """Collect whoever falls to this process, which is pid 1, until these pids are free."""
    while any(tree.read(pid) for pid in pids):
        os.waitpid(-1, 0)


async def leave(workspace: Path, backend: str) -> tuple[list[AgentRecord], list[int]]:
    """Launch agents and kill everyone; returns the agents, and the pids that are free now."""
    async with open_child(workspace, backend) as child:
        asked = [AgentSpec(argv=("/bin/sleep", "40"), durable=durable) for durable in (True, False)]
        records = [AgentRecord.model_validate(await child.launch(spec)) for spec in asked]
        keepers = [keeper_of(record).pid for record in records]
        kill_at_once((child.pid, child.nursery, *keepers))
        await child.wait()
        pids = [child.pid, child.nursery, *keepers, *(record.pid or 0 for record in records)]

    reap(pids)
    return records, pids


def become(pid: int) -> int:
    """Start a stranger that has this pid."""
    for _ in range(ATTEMPTS):
        LAST.write_text(str(pid - 1))
        got = os.posix_spawn("/bin/sleep", ["sleep", "40"], {}, setsid=True)
        if got == pid:
            return got

        os.kill(got, signal.SIGKILL)
        os.waitpid(got, 0)

    raise RuntimeError(f"pid {pid} is not given out again")


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), sys.argv[2], backend=sys.argv[2])
