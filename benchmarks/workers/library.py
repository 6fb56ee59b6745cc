"""An orchestrator that launches what it is told to, and says how long each launch took.

Reads lines like ``{"do": "launch", "count": 10}`` and answers each with a line; leaves its block
at end of input.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import anyio

from orchestrator import AgentSpec, OrchestratorError, open_orchestrator

from .lines import answer, held, requests_async

if TYPE_CHECKING:
    from orchestrator import Agent, Supervisor

_MS_PER_S = 1000.0
_ARGUMENTS = (4, 5)


async def serve(workspace: str, program: str, megabytes: int) -> None:
    """Serve standard input until its end, and hold so much memory meanwhile."""
    ballast = held(megabytes)
    async with open_orchestrator(workspace) as orchestrator:
        worker = _Worker(orchestrator, AgentSpec(argv=(program,)))
        answer({})
        async for request in requests_async():
            try:
                answer(await worker.do(request["do"], request.get("count", 0)))
            except OrchestratorError as error:
                answer({"error": str(error)})

    del ballast


class _Worker:
    def __init__(self, orchestrator: Supervisor, spec: AgentSpec) -> None:
        self._orchestrator = orchestrator
        self._spec = spec
        self._agents: list[Agent] = []

    async def do(self, what: str, count: int) -> dict[str, Any]:
        match what:
            case "launch":
                times = [await self._launch() for _ in range(count)]
                return {"times": times, "wall": sum(times)}
            case "together":
                return await self._together(count)
            case "run":
                times = [await self._run() for _ in range(count)]
                return {"times": times, "wall": sum(times)}
            case "clear":
                return await self._clear()
            case _:
                return {"error": f"no such thing to do: {what!r}"}

    async def _launch(self) -> float:
        began = time.perf_counter()
        agent = await self._orchestrator.launch(self._spec)
        took = time.perf_counter() - began
        self._agents.append(agent)
        return took * _MS_PER_S

    async def _run(self) -> float:
        began = time.perf_counter()
        agent = await self._orchestrator.launch(self._spec)
        outcome = await agent.wait()
        took = time.perf_counter() - began
        if outcome.verdict != "completed":
            raise OrchestratorError(f"an agent ended otherwise: {outcome.verdict}")

        return took * _MS_PER_S

    async def _together(self, count: int) -> dict[str, Any]:
        times: list[float] = []
        began = time.perf_counter()

        async def one() -> None:
            await self._launch()
            times.append((time.perf_counter() - began) * _MS_PER_S)

        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(one)

        return {"times": times, "wall": max(times)}

    async def _clear(self) -> dict[str, Any]:
        for agent in self._agents:
            agent.ask_to_stop("the round is over", kill=True)

        for agent in self._agents:
            await agent.wait()

        self._agents.clear()
        return {}


def main() -> int:
    """Run on the backend, in the workspace, with the program that the arguments name."""
    if len(sys.argv) not in _ARGUMENTS:
        usage = "usage: python -m benchmarks.workers.library BACKEND WORKSPACE PROGRAM [MB]"
        sys.stderr.write(f"{usage}\n")
        return 2

    backend, workspace, program, *megabytes = sys.argv[1:]
    anyio.run(serve, workspace, program, int(*megabytes), backend=backend)
    return 0


if __name__ == "__main__":
    sys.exit(main())
