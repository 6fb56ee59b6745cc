"""A child orchestrator: a program over the library that does what it is told, one line each.

``orchestrator_program.py WORKSPACE BACKEND [DIE_AT]``: reads JSON commands on standard input and
answers each with a JSON line. With DIE_AT it kills itself with SIGKILL at that point, e.g.
``agents.add:before`` or ``set_state:running:after``; see `Mortal`. ``*2`` behind it means: when it
comes there for the second time.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import sys
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from orchestrator import (
    AgentSpec,
    GateClosedError,
    Limits,
    NotFoundError,
    OrchestratorError,
    Settings,
    Supervisor,
    default_providers,
)
from orchestrator.process.launcher import open_launcher
from orchestrator.process.wire import LineBuffer
from orchestrator.registry import Registry
from orchestrator.supervision import Resources, Surroundings, log_path, open_supervisor

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from orchestrator.model import AgentId, AgentRecord


#: What it takes from its own environment.
_SETTINGS = ("ORCHESTRATOR_CGROUPS", "CLAUDE_EXECUTABLE")


class Mortal:
    """Passes calls on, and dies before or after the one that it is told."""

    def __init__(self, inner: Any, name: str, die_at: str) -> None:
        self._inner = inner
        self._name = name
        self._die_at, _, times = die_at.partition("*")
        self._left = int(times or 1)

    def __getattr__(self, name: str) -> Any:
        found: Any = getattr(self._inner, name)
        if not hasattr(found, "__call__"):  # noqa: B004  `callable` would make it an object
            return found

        def call(*args: Any, **options: Any) -> Any:
            kind = getattr(args[-1], "kind", None) if args else None
            point = f"{name}:{kind}" if name == "set_state" else f"{self._name}.{name}"
            self._reach(f"{point}:before")
            result: Any = found(*args, **options)
            self._reach(f"{point}:after")
            return result

        async def call_async(*args: Any, **options: Any) -> Any:
            self._reach(f"{self._name}.{name}:before")
            result = await found(*args, **options)
            self._reach(f"{self._name}.{name}:after")
            return result

        return call_async if name == "launch" else call

    def _reach(self, point: str) -> None:
        if point != self._die_at:
            return

        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


@asynccontextmanager
async def open_mortal(workspace: Path, die_at: str) -> AsyncGenerator[Supervisor]:
    """Open an orchestrator whose registry and launcher are `Mortal`."""
    given = {name: os.environ[name] for name in _SETTINGS if name in os.environ}
    settings = Settings.read(given, workspace=workspace)
    with Registry.open(workspace) as registry:
        registry.agents = Mortal(registry.agents, "agents", die_at)  # pyright: ignore[reportAttributeAccessIssue]
        registry.orchestrators = Mortal(registry.orchestrators, "runs", die_at)  # pyright: ignore[reportAttributeAccessIssue]
        async with (
            open_launcher(log_path(workspace), cgroups=settings.cgroups) as launcher,
            open_supervisor(
                Resources(
                    settings,
                    registry=registry,
                    launcher=Mortal(launcher, "launcher", die_at),  # pyright: ignore[reportArgumentType]
                    providers=default_providers(settings),
                    surroundings=Surroundings(),
                    limits=Limits(),
                )
            ) as supervisor,
        ):
            yield supervisor


def say(**facts: object) -> None:
    """Answer with one line."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def tell(record: AgentRecord) -> None:
    """Answer with what is known of an agent."""
    say(**record.model_dump(mode="json"))


async def obey(supervisor: Supervisor, command: dict[str, Any]) -> bool:
    """Do what one command says; False when it says to leave."""
    match command["do"]:
        case "storm":
            say(**await storm(supervisor, AgentSpec.model_validate(command["spec"]), command))
        case "stop_all":
            await stop_all(supervisor, command["ids"], reason=command["reason"])
            say(stopped=len(command["ids"]))
        case "own":
            say(own=[agent.id for agent in supervisor.agents])
        case "try":
            try:
                tell(await act(supervisor, {**command, "do": "launch"}))
            except OrchestratorError as error:
                say(error=type(error).__name__, said=str(error))
        case "raise":
            raise RuntimeError("as it was told")
        case "exit":
            os._exit(command["status"])
        case "segfault":
            ctypes.string_at(0)
        case "leave":
            return False
        case _:
            tell(await act(supervisor, command))

    return True


async def act(supervisor: Supervisor, command: dict[str, Any]) -> AgentRecord:
    """Do something with one agent; returns what is known of it then."""
    match command["do"]:
        case "launch":
            agent = await supervisor.launch(AgentSpec.model_validate(command["spec"]))
            return agent.record
        case "wait" | "wait_exited":
            # One that has ended already has no handle any more; it is on record.
            with suppress(NotFoundError):
                agent = supervisor.agent(command["id"])
                await (agent.wait_ended() if command["do"] == "wait" else agent.wait_exited())
                return agent.record
        case "stop":
            await supervisor.stop(command["id"], reason=command["reason"])
        case "stop_family":
            await supervisor.stop_family(command["id"], reason=command["reason"])
        case "freeze":
            await supervisor.freeze(command["id"])
        case "thaw":
            await supervisor.thaw(command["id"])
        case _:
            pass

    return supervisor.registry.agents.get(command["id"])


async def storm(supervisor: Supervisor, spec: AgentSpec, command: dict[str, Any]) -> dict[str, Any]:
    """Launch so many agents and stop so many of them, all at once; says which.

    Who is not stopped is left running; whoever is to be stopped is told so as soon as it runs.
    Says how many launches were refused because a family is being stopped.
    """
    launched: list[str] = []
    stopped: list[str] = []
    refused: list[int] = []

    async def one(number: int) -> None:
        try:
            agent = await supervisor.launch(spec)
        except GateClosedError:
            refused.append(number)
            return

        launched.append(agent.id)
        if number < command.get("stops", 0):
            record = await supervisor.stop(agent.id, reason="storm")
            stopped.extend([record.id] if record.state.kind == "exited" else [])

    async with anyio.create_task_group() as group:
        for number in range(command["launches"]):
            group.start_soon(one, number)

    return {"launched": launched, "stopped": stopped, "refused": len(refused)}


async def stop_all(supervisor: Supervisor, ids: list[AgentId], *, reason: str) -> None:
    """Stop these at once."""
    async with anyio.create_task_group() as group:
        for agent_id in ids:
            group.start_soon(partial(supervisor.stop, agent_id, reason=reason))


async def commands() -> AsyncGenerator[dict[str, Any]]:
    """What is said on standard input; unlike a thread that reads it, this can be cancelled."""
    buffer = LineBuffer()
    while True:
        await anyio.wait_readable(sys.stdin.fileno())
        data = os.read(sys.stdin.fileno(), 65536)
        if not data:
            return

        for command in buffer.feed(data):
            yield command


async def main(workspace: Path, die_at: str) -> None:
    """Obey until told to leave, or until standard input ends."""
    async with open_mortal(workspace, die_at) as supervisor, anyio.create_task_group() as group:
        group.start_soon(_leave_on_signal, group.cancel_scope)
        nursery = supervisor._resources.launcher.nursery_pid  # pyright: ignore[reportPrivateUsage]
        say(orchestrator=supervisor.id, pid=os.getpid(), nursery=nursery)
        async for command in commands():
            if not await obey(supervisor, command):
                break

        group.cancel_scope.cancel()

    say(left=True)


async def _leave_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGHUP) as signals:
        async for _ in signals:
            scope.cancel()
            return


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    anyio.run(
        main,
        Path(sys.argv[1]),
        sys.argv[3] if len(sys.argv) > 3 else "",
        backend=sys.argv[2],
    )
