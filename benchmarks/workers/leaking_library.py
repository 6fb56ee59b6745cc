"""A program over the library that launches agents and stops them: FOLDER of its workspace.

Reads lines like ``{"do": "launch", "agents": {"name": ["argv", ...]}}`` and ``{"do": "stop"}``,
and answers each with a line. End of input and the signals that ask for it end it: it leaves the
orchestrator's block.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any, Final

import anyio

from orchestrator import AgentSpec, OrchestratorError, open_orchestrator

from .lines import answer, requests_async

if TYPE_CHECKING:
    from anyio.abc import TaskStatus

    from orchestrator import Supervisor

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_ARGUMENTS = 2


async def serve(workspace: str) -> int:
    """Do what is asked until something ends it; returns the exit status."""
    status = 0

    async def watch(*, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        nonlocal status
        with anyio.open_signal_receiver(*SIGNALS) as received:
            task_status.started()
            async for number in received:
                status = 128 + number
                group.cancel_scope.cancel()

    async with open_orchestrator(workspace) as orchestrator, anyio.create_task_group() as group:
        await group.start(watch)
        async for request in requests_async():
            try:
                await _do(orchestrator, request)
                answer({})
            except OrchestratorError as error:
                answer({"error": str(error)})

        group.cancel_scope.cancel()

    return status


async def _do(orchestrator: Supervisor, request: dict[str, Any]) -> None:
    for name, argv in request.get("agents", {}).items():
        await orchestrator.launch(AgentSpec(argv=tuple(argv), agent_type=name))

    if request["do"] == "stop":
        async with anyio.create_task_group() as group:
            for agent in orchestrator.agents:
                group.start_soon(agent.stop)


def main() -> int:
    """Serve standard input, in the workspace that the argument names."""
    if len(sys.argv) != _ARGUMENTS:
        sys.stderr.write("usage: python -m benchmarks.workers.leaking_library FOLDER\n")
        return 2

    return anyio.run(serve, sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
