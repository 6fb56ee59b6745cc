"""An orchestrator that launches agents to be killed beside, or adopts those that are left.

``launch WORKSPACE PROGRAM COUNT durable|bound``: launches, says so, and waits to be killed.
``adopt WORKSPACE COUNT``: says how long after opening so many agents were adopted; stops them.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Final

import anyio

from orchestrator import AgentSpec, open_orchestrator

#: Seconds within which agents are adopted, or the benchmark is broken.
LIMIT: Final = 30.0

_LOOK: Final = 0.001
_MS_PER_S: Final = 1000.0


async def launch(workspace: str, program: str, count: int, *, durable: bool) -> None:
    """Launch agents, and stay."""
    async with open_orchestrator(workspace) as orchestrator:
        for _ in range(count):
            await orchestrator.launch(AgentSpec(argv=(program,), durable=durable))

        _say({"pid": [agent.pid for agent in orchestrator.agents]})
        await anyio.sleep_forever()


async def adopt(workspace: str, count: int) -> None:
    """Wait until all are adopted, say how long it took, and stop them."""
    began = time.perf_counter()
    async with open_orchestrator(workspace) as orchestrator:
        with anyio.fail_after(LIMIT):
            # What happens inside the orchestrator has no event for those who come later.
            while len(orchestrator.agents) < count:  # noqa: ASYNC110
                await anyio.sleep(_LOOK)

        took = time.perf_counter() - began
        kinds = [agent.record.state.kind for agent in orchestrator.agents]
        for agent in orchestrator.agents:
            agent.ask_to_stop("the benchmark is over", kill=True)

        ended = [await agent.wait() for agent in orchestrator.agents]
        verdicts = [outcome.verdict for outcome in ended]
        _say({"ms": took * _MS_PER_S, "states": kinds, "verdicts": verdicts})


def _say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Do what the arguments say."""
    match sys.argv[1:]:
        case ["launch", workspace, program, count, kind]:
            anyio.run(lambda: launch(workspace, program, int(count), durable=kind == "durable"))
        case ["adopt", workspace, count]:
            anyio.run(adopt, workspace, int(count))
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2

    return 0


if __name__ == "__main__":
    sys.exit(main())
