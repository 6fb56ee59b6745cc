"""A program that uses the library and may be pid 1: ``pid1_program.py LONGEST_STOP [N]``.

It launches one agent, which gets the directive on standard input. Then it runs N children of its
own and says how they ended, in one line. It leaves at SIGTERM.
"""

from __future__ import annotations

import sys

from orchestrator.process.init import ensure_init

# First of all, as its documentation says.
ensure_init(longest_stop=float(sys.argv[1]))

import json  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402

import anyio  # noqa: E402

from orchestrator import AgentSpec, open_orchestrator  # noqa: E402
from tests.support.agents import PATIENT  # noqa: E402
from tests.support.roster import FAKE_CLAUDE  # noqa: E402


async def main() -> None:
    """Launch, run children, and wait for SIGTERM."""
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        async with open_orchestrator() as supervisor:
            spec = AgentSpec(
                argv=(sys.executable, "-IS", str(FAKE_CLAUDE)),
                prompt=sys.stdin.readline(),
                stop=PATIENT,
            )
            agent = await supervisor.launch(spec)
            say(agent=agent.id)
            codes: list[int] = []
            for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 0):
                done = await anyio.run_process(["sh", "-c", "exit 7"], check=False)
                codes.append(done.returncode)

            say(codes=codes)
            async for _ in signals:
                return


def say(**facts: object) -> None:
    """Say one line."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    anyio.run(main, backend=os.environ["ORCHESTRATOR_BACKEND"])
