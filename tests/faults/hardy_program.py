"""A child orchestrator that answers an error and goes on: for faults that refuse what it is told.

``hardy_program.py WORKSPACE BACKEND``: see `tests.support.orchestrator_program`. An error that is
raised on purpose is answered as ``{"error": TYPE, "said": MESSAGE}``. There is one more command,
``known``: the states of all agents by their ids, from the registry. ``stop`` answers with what the
orchestrator knows, whether it can be recorded or not.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from orchestrator import open_orchestrator
from orchestrator.errors import OrchestratorError
from tests.support.orchestrator_program import commands, obey, say, tell

if TYPE_CHECKING:
    from orchestrator import Supervisor


async def try_to_obey(supervisor: Supervisor, command: dict[str, Any]) -> bool:
    """Do what one command says, or say why not."""
    try:
        match command["do"]:
            case "known":
                records = supervisor.registry.agents.find()
                say(**{record.id: record.state.kind for record in records})
            case "stop":
                tell(await supervisor.stop(command["id"], reason=command["reason"]))
            case _:
                return await obey(supervisor, command)

    except OrchestratorError as error:
        say(error=type(error).__name__, said=str(error))

    return True


async def main(workspace: Path) -> None:
    """Obey until told to leave, or until standard input ends."""
    async with open_orchestrator(workspace) as supervisor:
        nursery = supervisor._resources.launcher.nursery_pid  # pyright: ignore[reportPrivateUsage]
        say(orchestrator=supervisor.id, pid=os.getpid(), nursery=nursery)
        async for command in commands():
            if not await try_to_obey(supervisor, command):
                break

    say(left=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    anyio.run(main, Path(sys.argv[1]), backend=sys.argv[2])
