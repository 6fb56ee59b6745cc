"""What happens in the demo: a client, a server, agents, a SIGKILL, and a count."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

import anyio
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from orchestrator.app import one_error
from orchestrator.config import (
    AGENT_VARIABLE,
    COOKIE_VARIABLE,
    SOCKET_VARIABLE,
    TASK_VARIABLE,
    Settings,
)
from orchestrator.errors import OrchestratorError
from orchestrator.frontends.cli import words
from orchestrator.model import Exited
from orchestrator.process import tree
from orchestrator.providers import default_providers
from orchestrator.registry import Registry
from orchestrator.supervision import Changes
from orchestrator.supervision.reconcile import Reconciler

from .census import VARIABLE, Census, reap
from .habits import HABITS
from .report import AgentReport, Report
from .stage import Player

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from orchestrator.model import AgentRecord

    from .habits import Habit
    from .stage import Stage

#: Seconds between two pictures.
_PICTURE: Final = 0.15

#: Seconds for which the agents are shown at work, at least; and at most, when one is not ready.
_AT_WORK: Final = 3.5
_READY_SAMPLE: Final = 20.0
_READY_REAL: Final = 150.0

#: Seconds after the kill of the server in which everybody must be gone.
_GONE: Final = 20.0

#: What an agent that starts the demo has in its environment, and the demo's server must not.
_NOT_INHERITED: Final = (
    SOCKET_VARIABLE,
    COOKIE_VARIABLE,
    AGENT_VARIABLE,
    TASK_VARIABLE,
    "CLAUDE_ORCHESTRATOR_WORKSPACE",
)


async def play(stage: Stage, folder: Path, *, real: bool) -> Report:
    """Play the demo.

    Args:
        stage: Where it is shown.
        folder: An empty one.
        real: With the claude CLI instead of the samples.

    Raises:
        OrchestratorError: The server did not do what it was asked for.
    """
    return await _Scene(stage, folder, real=real).play()


class _Scene:
    def __init__(self, stage: Stage, folder: Path, *, real: bool) -> None:
        self._stage = stage
        self._folder = folder
        self._real = real
        self._census = Census()
        self._began = time.monotonic()
        self._task = ""
        self._agents: dict[str, tuple[Habit, int, int]] = {}
        self._players: dict[str, Player] = {}
        self._most: dict[str, int] = {}
        self._settings = Settings.read(_environment(folder, self._census, real=real), cwd=folder)

    @property
    def _now(self) -> float:
        return time.monotonic() - self._began

    async def play(self) -> Report:
        log = self._folder / "server.log"
        with log.open("w") as errors:  # a local file, opened once
            try:
                with one_error():
                    server, killed_at, left = await self._play_with_server(errors)
            except OrchestratorError:
                raise
            except Exception as error:
                said = log.read_text(errors="replace").strip() or f"{type(error).__name__}: {error}"
                raise OrchestratorError(f"the server did not serve; it said:\n{said}") from error

        ended_at = self._now
        proven = reap() and self._census.complete
        agents = await self._ends()
        missing = [
            f"{habit.name}: it was to {'end' if habit.ends else f'reach {habit.ready_at}%'}"
            for agent_id, (habit, _, _) in self._agents.items()
            if not _ready(habit, self._players[agent_id])
        ]
        return Report(
            succeeded=not left and not missing,
            server_pid=server,
            killed_after_s=round(killed_at, 3),
            ended_after_s=round(ended_at - killed_at, 3),
            processes_started=len(self._census.seen),
            processes_left=[f"{proc.name} {proc.pid}" for proc in left],
            counted_by=_method(self._census, proven=proven),
            not_shown=missing,
            agents=agents,
        )

    async def _play_with_server(self, errors: TextIO) -> tuple[int, float, list[tree.Proc]]:
        parameters = StdioServerParameters(
            command=sys.executable,
            args=["-P", "-m", "orchestrator"],
            env=_environment(self._folder, self._census, real=self._real),
            cwd=self._folder,
        )
        self._stage.say(self._now, "an MCP client starts the server, in a temporary workspace")
        before = set(tree.children(os.getpid()))
        async with (
            self._seen_off(),
            Client(stdio_client(parameters, errlog=errors), mode="legacy") as client,
        ):
            server = next(iter(set(tree.children(os.getpid())) - before))
            self._stage.say(self._now, f"the server is ready, pid {server}")
            await self._deploy(client)
            await self._watch(client)
            everyone = self._census.look()
            ended = len(self._census.seen) - len(everyone)
            others = (
                f", {ended} more {'has' if ended == 1 else 'have'} ended already" if ended else ""
            )
            self._stage.say(
                self._now,
                f"{len(everyone)} processes are there{others}; the server gets "
                "SIGKILL, and nobody tells its agents to stop",
            )
            os.kill(server, signal.SIGKILL)
            killed_at = self._now
            left = await self._wait_empty()
            self._stage.say(self._now, "nobody is there any more" if not left else "some are left")

        return server, killed_at, left

    @asynccontextmanager
    async def _seen_off(self) -> AsyncGenerator[None]:
        """Leave the block when nobody is there any more, who would still write into the folder.

        A server that is told to end waits for its agents for a while only, and their keepers go on.
        """
        try:
            yield
        finally:
            deadline = self._now + _GONE
            with anyio.CancelScope(shield=True):
                while self._census.look() and self._now < deadline:
                    await self._census.wait_for_one(_PICTURE)

            self._census.end(self._census.look())

    # ------------------------------------------------------------------------ while it is alive
    async def _deploy(self, client: Client) -> None:
        created = await _call(
            client,
            "create_real_task",
            description="Show that nothing is left when the server is killed",
            client_cwd=str(self._folder),
        )
        self._task = created["task_id"]
        for habit in HABITS:
            answer = await _call(
                client,
                "deploy_headless_agent",
                task_id=self._task,
                agent_type=habit.name,
                prompt=habit.prompt(real=self._real),
            )
            leader = tree.read(answer["pid"])
            keeper = leader.ppid if leader else 0
            self._agents[answer["agent_id"]] = (habit, answer["pid"], keeper)

        self._stage.say(self._now, f"{len(HABITS)} agents are deployed on {self._task}")

    async def _watch(self, client: Client) -> None:
        began = time.monotonic()
        limit = _READY_REAL if self._real else _READY_SAMPLE
        while True:
            await self._look(client)
            spent = time.monotonic() - began
            ready = all(
                _ready(habit, self._players[agent_id])
                for agent_id, (habit, _, _) in self._agents.items()
            )
            if spent > limit or (ready and spent > _AT_WORK):
                return

            await anyio.sleep(_PICTURE)

    async def _look(self, client: Client) -> None:
        status = await _call(client, "get_real_task_status", task_id=self._task)
        rows = {row["id"]: row for row in status["agents"]["agents_list"]}
        said = {
            entry["agent_id"]: entry["message"]
            for entry in reversed(status["enhanced_progress"]["recent_updates"])
        }
        for agent_id, (habit, pid, keeper) in self._agents.items():
            known = self._players.get(agent_id)
            household = len(tree.descendants(keeper)) if keeper else 0
            self._most[agent_id] = max(self._most.get(agent_id, 0), household)
            self._players[agent_id] = Player(
                habit=habit.name,
                shown=habit.shown,
                status=rows[agent_id]["status"],
                percent=rows[agent_id]["progress"],
                message=said.get(agent_id, known.message if known else ""),
                pid=pid,
                processes=household,
            )

        self._stage.show(self._now, tuple(self._players.values()), len(self._census.look()))

    # ------------------------------------------------------------------------ when it is killed
    async def _wait_empty(self) -> list[tree.Proc]:
        deadline = self._now + _GONE
        while (everyone := self._census.look()) and self._now < deadline:
            pids = {proc.pid for proc in everyone}
            shown = [
                _after_kill(self._players[agent_id], pids, len(tree.descendants(keeper)))
                for agent_id, (_, _, keeper) in self._agents.items()
            ]
            self._stage.show(self._now, shown, len(everyone))
            await self._census.wait_for_one(_PICTURE)

        shown = [_after_kill(player, set(), 0) for player in self._players.values()]
        self._stage.show(self._now, shown, len(everyone))
        self._census.end(everyone)
        return everyone

    async def _ends(self) -> list[AgentReport]:
        """Do what the next orchestrator does at its start, and read what it finds."""
        logging.getLogger("orchestrator").addHandler(logging.NullHandler())
        with Registry.open(self._settings.workspace) as registry:
            await Reconciler(registry, default_providers(self._settings), Changes()).once()
            return [self._end(registry.agents.get(record.id)) for record in registry.agents.find()]

    def _end(self, record: AgentRecord) -> AgentReport:
        habit, pid, _ = self._agents[record.id]
        outcome = record.state.outcome if isinstance(record.state, Exited) else None
        receipt = outcome.receipt if outcome else None
        return AgentReport(
            habit=habit.name,
            agent_id=record.id,
            pid=pid,
            percent=self._players[record.id].percent,
            processes=self._most.get(record.id, 0),
            status=outcome.verdict if outcome else record.state.kind,
            ended=words.ending(record),
            done=words.cleaning(outcome) if outcome else None,
            killed=len(receipt.killed) if receipt else 0,
            escapees=len(receipt.escapees) if receipt else 0,
        )


def _environment(folder: Path, census: Census, *, real: bool) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name not in _NOT_INHERITED}
    kept["CLAUDE_ORCHESTRATOR_WORKSPACE"] = str(folder / "workspace")
    # Where the server has its socket: the one that is killed cannot remove it.
    kept["XDG_RUNTIME_DIR"] = str(folder)
    kept[VARIABLE] = census.token
    if not real:
        kept.pop("CLAUDE_FLAGS", None)
        kept["CLAUDE_EXECUTABLE"] = shlex.join(
            [sys.executable, "-P", "-m", "orchestrator.frontends.cli.demo.samples"]
        )

    return kept


async def _call(client: Client, tool: str, **arguments: object) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    answer = cast("dict[str, Any]", result.structured_content or {})
    if result.is_error or not answer.get("success"):
        said = answer.get("error") or getattr(result.content[0], "text", "no answer")
        raise OrchestratorError(f"the server refused {tool}: {said}")

    return answer


def _ready(habit: Habit, player: Player) -> bool:
    if habit.ends:
        return player.status == "completed" and player.processes == 0

    return player.percent >= habit.ready_at


def _after_kill(player: Player, pids: set[int], household: int) -> Player:
    if player.status == "completed":
        return player

    status, fate = "ended", "its last process is gone"
    if player.pid in pids or household:
        status, fate = "stopping", "its keeper takes it down"

    return replace(player, status=status, fate=fate, processes=household)


def _method(census: Census, *, proven: bool) -> str:
    if not census.complete:
        return (
            "by a token in their environment, and by who was seen; this system has no subreaper, "
            "so a daemon without an environment can be missed"
        )

    kernel = ", and the kernel says that it has no child left" if proven else ""
    return f"the demo is the subreaper of everything it started{kernel}"
