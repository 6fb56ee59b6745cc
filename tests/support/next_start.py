"""The next start of an orchestrator on a workspace, as a program: prints what it then knows.

``next_start.py WORKSPACE``: opens the workspace, waits until nothing of earlier runs is open, and
prints the agents' records and the runs' as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import anyio

from orchestrator import open_orchestrator

from .waiting import until

#: Seconds for everything that is left from before to be settled.
LONG = 20.0


async def main(workspace: Path) -> None:
    """Open, wait, and tell."""
    async with open_orchestrator(workspace) as supervisor:
        registry = supervisor.registry
        await until(
            lambda: all(
                run.pid == os.getpid() for run in registry.orchestrators.all(open_only=True)
            ),
            seconds=LONG,
        )

        agents = [record.model_dump(mode="json") for record in registry.agents.find()]
        runs = [record.model_dump(mode="json") for record in registry.orchestrators.all()]
        sys.stdout.write(json.dumps({"agents": agents, "runs": runs[:-1]}))


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]))
