"""An orchestrator with many agents: launches them, and times one more launch and its stop.

Reads lines like ``{"do": "fill", "count": 100}`` and answers each with a line; leaves its block at
end of input.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import anyio

from orchestrator import AgentSpec, OrchestratorError, open_orchestrator

from .lines import answer, requests_async

if TYPE_CHECKING:
    from orchestrator import Supervisor

_MS_PER_S = 1000.0
_ARGUMENTS = 3

#: Launches that are under way at a time.
_SIDE_BY_SIDE = 20


async def serve(workspace: str, program: str) -> None:
    """Serve standard input until its end."""
    spec = AgentSpec(argv=(program,))
    async with open_orchestrator(workspace) as orchestrator:
        answer({})
        async for request in requests_async():
            try:
                if request["do"] == "fill":
                    await _fill(orchestrator, spec, request["count"])
                    answer({})
                else:
                    answer(await _probe(orchestrator, spec))
            except OrchestratorError as error:
                answer({"error": str(error)})


async def _fill(orchestrator: Supervisor, spec: AgentSpec, count: int) -> None:
    limiter = anyio.CapacityLimiter(_SIDE_BY_SIDE)

    async def one() -> None:
        async with limiter:
            await orchestrator.launch(spec)

    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(one)


async def _probe(orchestrator: Supervisor, spec: AgentSpec) -> dict[str, Any]:
    began = time.perf_counter()
    agent = await orchestrator.launch(spec)
    runs = time.perf_counter()
    agent.ask_to_stop("it was one more")
    outcome = await agent.wait()
    ended = time.perf_counter()
    if outcome.verdict != "terminated":
        raise OrchestratorError(f"an agent that was stopped ended otherwise: {outcome.verdict}")

    return {"launch": (runs - began) * _MS_PER_S, "stop": (ended - runs) * _MS_PER_S}


def main() -> int:
    """Run in the workspace and with the program that the arguments name."""
    if len(sys.argv) != _ARGUMENTS:
        sys.stderr.write("usage: python -m benchmarks.workers.scaled WORKSPACE PROGRAM\n")
        return 2

    workspace, program = sys.argv[1:]
    anyio.run(serve, workspace, program)
    return 0


if __name__ == "__main__":
    sys.exit(main())
