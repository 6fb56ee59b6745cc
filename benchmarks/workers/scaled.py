"""An orchestrator with many agents: launches them, and times what it does beside them.

Reads lines like ``{"do": "fill", "count": 100}`` and answers each with a line; leaves its block at
end of input. ``probe`` is one more launch and its stop, ``changes`` the lives of agents that are on
record only.
"""

from __future__ import annotations

import sys
import time
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from orchestrator import AgentSpec, OrchestratorError, open_orchestrator

from . import registry_records as records
from .lines import answer, requests_async
from .registry import live

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator import Supervisor

_MS_PER_S = 1000.0
_ARGUMENTS = 3

#: Launches that are under way at a time.
_SIDE_BY_SIDE = 20


async def serve(workspace: str, program: str) -> None:
    """Serve standard input until its end."""
    spec = AgentSpec(argv=(program,))
    numbers = count(1)
    async with open_orchestrator(workspace) as orchestrator:
        answer({})
        async for request in requests_async():
            try:
                match request["do"]:
                    case "fill":
                        await _fill(orchestrator, spec, request["count"])
                        answer({})
                    case "launch":
                        answer({"agent": (await orchestrator.launch(spec)).id})
                    case "probe":
                        answer(await _probe(orchestrator, spec))
                    case "changes":
                        lives = islice(numbers, request["lives"])
                        answer({"times": _change(orchestrator, Path(workspace), lives)})
                    case other:
                        answer({"error": f"no such thing to do: {other!r}"})
            except OrchestratorError as error:
                answer({"error": str(error)})


async def _fill(orchestrator: Supervisor, spec: AgentSpec, agents: int) -> None:
    limiter = anyio.CapacityLimiter(_SIDE_BY_SIDE)

    async def one() -> None:
        async with limiter:
            await orchestrator.launch(spec)

    async with anyio.create_task_group() as group:
        for _ in range(agents):
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


def _change(
    orchestrator: Supervisor, workspace: Path, numbers: Iterable[int]
) -> dict[str, list[float]]:
    """Let agents live in the orchestrator's own registry; returns milliseconds, by the change.

    They are of this orchestrator, as its live ones are, and nobody else gets to know of them.
    """
    times: dict[str, list[float]] = {change: [] for change in records.CHANGES}
    for number in numbers:
        record = records.agent(number, workspace, owner=orchestrator.id)
        for change, took in zip(records.CHANGES, live(orchestrator.registry, record), strict=True):
            times[change].append(took)

    return times


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
