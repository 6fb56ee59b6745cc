"""``orchestrator run``: one agent in the foreground, from its start to its last process."""

from __future__ import annotations

import errno
import json
import logging
import os
import signal
import stat
import sys
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio
from pydantic import ValidationError

from orchestrator import open_orchestrator
from orchestrator.app import lifecycle_log, one_error
from orchestrator.config import read_size
from orchestrator.errors import InvalidInputError, RegistryError
from orchestrator.model import AgentSpec, ExitedWithCode, Limits
from orchestrator.providers import default_providers
from orchestrator.registry.atomic import make_private_folder
from orchestrator.supervision import log_path

from . import words
from .follow import follow
from .ps import as_row
from .signals import watch_signals

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from orchestrator.config import Settings
    from orchestrator.model import Outcome
    from orchestrator.supervision import Agent, Supervisor

#: Seconds that a reader gets for the last output of an agent that was stopped.
_LAST_WORDS: Final = 1.0

_STDOUT: Final = 1
_STDERR: Final = 2


def run(
    settings: Settings,
    *,
    provider: str,
    argv: tuple[str, ...],
    cwd: Path | None,
    limits: Limits | None,
    durable: bool,
    detach: bool,
    as_json: bool,
) -> int:
    """Run an agent, and return the exit status to end with.

    Args:
        settings: The workspace.
        provider: Which kind of agent.
        argv: The program, or more arguments for the agent CLI.
        cwd: Where it runs; None for here.
        limits: What it may use; None for what the settings say.
        durable: It goes on when this command ends.
        detach: Say its id and leave it.
        as_json: Print how it ended, or its record, as JSON.

    Raises:
        OrchestratorError: It could not be started, or its end was not seen.
    """
    prompt = _read_prompt()
    try:
        spec = AgentSpec(
            provider=provider,
            argv=argv,
            prompt=prompt,
            agent_type=_name(provider, argv),
            cwd=cwd,
            limits=limits,
            durable=durable or None,
        )
    except ValueError as error:
        raise InvalidInputError(f"that command cannot be run: {error}") from error

    logging.getLogger("orchestrator").setLevel(logging.INFO)
    with ExitStack() as stack:
        try:
            make_private_folder(log_path(settings.workspace).parent)
            stack.enter_context(lifecycle_log(settings.workspace))
        except OSError as error:
            raise RegistryError(
                f"{settings.workspace} cannot be used as a workspace ({error.strerror}); "
                "choose a folder of yours with --workspace or CLAUDE_ORCHESTRATOR_WORKSPACE"
            ) from error

        main = _detached if detach else _accompanied
        return anyio.run(_run, partial(main, settings=settings, as_json=as_json), spec)


async def _run(main: Callable[[AgentSpec], Awaitable[int]], spec: AgentSpec) -> int:
    with one_error():
        return await main(spec)


async def _accompanied(spec: AgentSpec, *, settings: Settings, as_json: bool) -> int:
    return await _Foreground(settings, as_json=as_json).run(spec)


async def _detached(spec: AgentSpec, *, settings: Settings, as_json: bool) -> int:
    async with open_orchestrator(
        settings=settings, limits=settings.limits_of_agents, adopt=False
    ) as supervisor:
        agent = await supervisor.launch(spec)
        said = json.dumps(as_row(agent.record), indent=2) if as_json else agent.id
        sys.stdout.write(f"{said}\n")

    return 0


def read_limits(
    wall_clock: float | None, idle: float | None, memory: str | None, output: str | None
) -> Limits | None:
    """Read the limits of one agent from the command line; None where there are none.

    Raises:
        InvalidInputError: One cannot be a limit.
    """
    if wall_clock is idle is memory is output is None:
        return None

    try:
        return Limits(
            wall_clock=wall_clock,
            idle=idle,
            memory=read_size(memory) if memory is not None else None,
            output=read_size(output) if output is not None else None,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInputError(
            f"the limit {first['loc'][0]} cannot be {first['input']!r}: {first['msg']}"
        ) from error
    except ValueError as error:
        raise InvalidInputError(str(error)) from error


def provider_names(settings: Settings) -> list[str]:
    """Return the names that ``--provider`` takes."""
    return sorted(default_providers(settings))


def _name(provider: str, argv: tuple[str, ...]) -> str:
    return os.path.basename(argv[0]) if provider == "command" and argv else provider  # noqa: PTH119  also for odd names


def _read_prompt() -> str:
    """Read what is piped in, to its end; nothing from a terminal.

    Raises:
        InvalidInputError: It is not text.
    """
    try:
        mode = os.fstat(0).st_mode
        if os.isatty(0) or not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)):
            return ""

        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"what is piped in is not UTF-8 text ({error}); hand over such data as a file"
        ) from None
    except OSError as error:
        # A closed standard input is an empty one.
        if error.errno in {errno.EBADF, errno.EIO}:
            return ""

        raise


def say(text: str) -> None:
    """Say something beside the agent's output."""
    # Not by way of sys.stderr: a terminal that is gone would fail once more at the exit.
    with suppress(OSError):
        os.write(_STDERR, f"orchestrator: {text}\n".encode("utf-8", "backslashreplace"))


class _Foreground:
    """One run; the first signal asks the agent to stop, a second Ctrl-C kills it."""

    def __init__(self, settings: Settings, *, as_json: bool) -> None:
        self._settings = settings
        self._as_json = as_json
        self._supervisor: Supervisor | None = None
        self._agent: Agent | None = None
        self._launching = anyio.CancelScope()
        self._leaving = anyio.CancelScope()
        self._stopped_by: int | None = None
        self._killed = False

    async def run(self, spec: AgentSpec) -> int:
        status = 0
        async with anyio.create_task_group() as group:
            await group.start(watch_signals, self._signalled)
            async with open_orchestrator(
                settings=self._settings, limits=self._settings.limits_of_agents, adopt=False
            ) as supervisor:
                self._supervisor = supervisor
                with self._launching:
                    self._agent = await supervisor.launch(spec)

                if self._agent is not None:
                    with self._leaving:
                        status = await self._accompany(self._agent)

            group.cancel_scope.cancel()

        return status if self._stopped_by is None else 128 + self._stopped_by

    async def _accompany(self, agent: Agent) -> int:
        ended = anyio.Event()
        async with anyio.create_task_group() as group:
            if not self._as_json:
                group.start_soon(self._pass_on, agent, agent.stdout, _STDOUT, ended)
                group.start_soon(self._pass_on, agent, agent.stderr, _STDERR, ended)

            await agent.wait_ended()
            ended.set()
            if self._stopped_by is not None:
                # Nobody may be reading any more; whoever pressed Ctrl-C does not wait for that.
                group.cancel_scope.deadline = anyio.current_time() + _LAST_WORDS

        outcome = await agent.wait()
        if self._as_json:
            sys.stdout.write(json.dumps(as_row(agent.record), indent=2) + "\n")
        elif line := words.cleaning(outcome, why=True):
            say(f"agent {agent.id} {line}")

        return _status(outcome)

    async def _pass_on(self, agent: Agent, path: Path, descriptor: int, ended: anyio.Event) -> None:
        try:
            await follow(path, descriptor, ended)
        except OSError as error:
            if self._stopped_by is None:
                self._stopped_by = signal.SIGPIPE
                agent.ask_to_stop(f"its output cannot be passed on: {error.strerror}")

    def _signalled(self, number: signal.Signals) -> None:
        if self._stopped_by is None:
            self._stopped_by = number
            if self._agent is not None and self._agent.record.durable:
                say(
                    f"{number.name}: agent {self._agent.id} goes on; `orchestrator logs -f` shows "
                    "it, `orchestrator stop` stops it"
                )
                self._killed = True  # there is nothing to kill
                self._leaving.cancel()
                return

            if number == signal.SIGINT:
                say("stopping the agent and all that it started; Ctrl-C again kills them now")
            else:
                say(f"{number.name}: stopping the agent and all that it started")

            if self._agent is None:
                self._launching.cancel()
            else:
                reason = "Ctrl-C" if number == signal.SIGINT else number.name
                self._agent.ask_to_stop(reason)
        elif number == signal.SIGINT and self._supervisor is not None and not self._killed:
            self._killed = True
            say("killing them now")
            self._supervisor.kill_all("a second Ctrl-C")


def _status(outcome: Outcome) -> int:
    end = outcome.exit
    return end.code if isinstance(end, ExitedWithCode) else 128 + end.signal
