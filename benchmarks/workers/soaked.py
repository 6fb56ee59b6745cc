"""An orchestrator that does what it is told until it is told to end: a program over the library.

Reads lines like ``{"id": 1, "do": "launch", "type": "tool3"}`` and answers each with a line of the
same id, as soon as it is done. End of input and signals end it; the exit status tells which.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio import to_thread

from benchmarks.soaking.ends import STOP
from benchmarks.soaking.houses import TIMEOUT_VARIABLE
from orchestrator import AgentId, AgentSpec, OrchestratorError, open_orchestrator
from orchestrator.app import lifecycle_log
from orchestrator.registry.atomic import make_private_folder

from .lines import answer as say
from .lines import requests_async

if TYPE_CHECKING:
    from anyio.abc import TaskStatus

    from orchestrator import Supervisor

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_ARGUMENTS = 4


class _Program:
    def __init__(self, argv: tuple[str, ...]) -> None:
        self.status = 0
        self._argv = argv

    async def serve(self, workspace: Path) -> None:
        with lifecycle_log(workspace):
            async with (
                open_orchestrator(workspace, shutdown_timeout=_timeout()) as orchestrator,
                anyio.create_task_group() as group,
            ):
                stop = partial(self._end, orchestrator, group.cancel_scope)
                await group.start(_watch_signals, stop)
                async for request in requests_async():
                    group.start_soon(self._answer, orchestrator, request)

                orchestrator.begin_shutdown("end of input")
                group.cancel_scope.cancel()

    def _end(self, orchestrator: Supervisor, scope: anyio.CancelScope, number: int) -> None:
        self.status = 128 + number
        orchestrator.begin_shutdown(signal.Signals(number).name)
        scope.cancel()

    async def _answer(self, orchestrator: Supervisor, request: dict[str, Any]) -> None:
        try:
            answer = await self._do(orchestrator, request)
        except OrchestratorError as error:
            answer = {"error": str(error)}

        say({"id": request["id"], **answer})

    async def _do(self, orchestrator: Supervisor, request: dict[str, Any]) -> dict[str, Any]:
        match request["do"]:
            case "launch":
                spec = AgentSpec(
                    argv=self._argv,
                    agent_type=request["type"],
                    durable=request["durable"],
                    stop=STOP,
                )
                return {"agent": (await orchestrator.launch(spec)).id}
            case "stop":
                agent = AgentId(request["agent"])
                record = await orchestrator.stop(agent, reason="soaked", kill=request["kill"])
                return {"state": record.state.kind}
            case "agents":
                return {"agents": [agent.id for agent in orchestrator.agents]}
            case "thread":
                await to_thread.run_sync(os.getpid)
                return {}
            case _:
                return {}


def _timeout() -> float | None:
    """Wait as long as stops may take, unless the setting of servers says otherwise."""
    named = os.environ.get(TIMEOUT_VARIABLE)
    return None if named is None else float(named)


async def _watch_signals(
    heard: partial[None], *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    with anyio.open_signal_receiver(*SIGNALS) as received:
        task_status.started()
        async for number in received:
            heard(number)


def main() -> int:
    """Run on the backend, in the workspace, with agents of the argv that the arguments name."""
    if len(sys.argv) < _ARGUMENTS:
        usage = "usage: python -m benchmarks.workers.soaked BACKEND WORKSPACE PROGRAM [ARGUMENT...]"
        sys.stderr.write(f"{usage}\n")
        return 2

    backend, workspace, *argv = sys.argv[1:]
    folder = Path(workspace)
    make_private_folder(folder)
    make_private_folder(folder / "registry")
    logging.getLogger("orchestrator").setLevel(logging.INFO)
    program = _Program(tuple(argv))
    anyio.run(program.serve, folder, backend=backend)
    return program.status


if __name__ == "__main__":
    sys.exit(main())
