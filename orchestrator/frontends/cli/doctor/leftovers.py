"""Who is left over: processes of agents that nobody keeps, and orphaned CLIs of other tools."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import psutil

from orchestrator.config import AGENT_VARIABLE, COOKIE_VARIABLE
from orchestrator.errors import OrchestratorError
from orchestrator.frontends.cli import words
from orchestrator.frontends.cli.workspace import keeper_of, registry_file, unsettled
from orchestrator.model.base import Noun
from orchestrator.process import tree
from orchestrator.process.cgroup_base import agent_of
from orchestrator.process.identity import alive
from orchestrator.process.kernel import KEEPER_NAME
from orchestrator.registry import Registry
from orchestrator.supervision.reconcile import is_ownerless

from .check import Check
from .workspace import damage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.config import Settings
    from orchestrator.model import AgentRecord
    from orchestrator.process.tree import Proc

#: The agent CLIs that are known by name, as a program or as the script of an interpreter.
CLIS: Final = ("claude", "codex", "copilot", "gemini", "opencode", "qwen")

#: Words of a command line in which a CLI's name counts: ``node /usr/bin/claude``.
_WORDS: Final = 2

#: Who adopts orphans: such a parent has started nothing itself.
_ADOPTERS: Final = frozenset({"init", "launchd", "systemd", "tini", "dumb-init", "docker-init"})

#: States of /proc/PID/stat of one that is stopped, or traced and stopped.
_STILL: Final = frozenset("Tt")

#: Left-over processes that are named in one line.
_NAMED: Final = 5

Kind = Literal["without a keeper", "stands still", "waits for an orchestrator", "of another tool"]

#: Of these some process must go on or be ended; the others are as they should be.
TO_END: Final[frozenset[Kind]] = frozenset({"without a keeper", "stands still"})


class Leftover(Noun):
    """One process that nobody looks after, or that its own keeper keeps for the next one.

    Attributes:
        kind: ``stands still``: a keeper, which cannot stop its agent so.
            ``without a keeper``: it carries the cookie of an agent. ``waits for an
            orchestrator``: a durable agent, which is meant to be there. ``of another tool``: an
            agent CLI whose parent has ended, or a terminal session of tmux.
        program: Its short name.
        owner: The agent that it is of, or who has adopted it.
        seconds: Since it was started.
        advice: What to do.
    """

    kind: Kind
    pid: int
    program: str
    owner: str
    seconds: float
    advice: str


def leftovers(settings: Settings) -> Iterator[Check]:
    """Look for processes of agents that nobody keeps any more."""
    if not tree.HAS_PROC:
        yield Check("left over", "note", "cannot be looked for: there is no /proc here")
        return

    found = [one for one in find_leftovers(settings) if one.kind in TO_END]
    if not found:
        yield Check("left over", "ok", "no process carries the cookie of an agent without a keeper")
        return

    named = [f"{one.program} {one.pid} of {one.owner}" for one in found[:_NAMED]]
    shown = "; ".join(named) + ("; ..." if len(found) > _NAMED else "")
    yield Check(
        "left over",
        "warning",
        f"{words.processes(len(found))} without a keeper that does its work: {shown}",
        "if their orchestrator is gone: `orchestrator stop --all` in its workspace, or kill PID",
    )


def find_leftovers(settings: Settings) -> list[Leftover]:
    """Find all of them; nobody is signalled, and nothing is changed."""
    live = _live_agents(settings)
    everyone = {proc.pid: proc for proc in tree.everyone()}
    found = [_waiting(record) for record in live if _waits(settings, record)]
    found += [one for record in live if (one := _standing_still(record, everyone)) is not None]
    cookies = {record.cookie for record in live if not unsettled(record)}
    for proc in everyone.values():
        if proc.ended or proc.pid == os.getpid() or _is_kept(proc, everyone):
            continue

        environment = tree.environment(proc.pid)
        cookie = environment.get(COOKIE_VARIABLE)
        owner = _agent(proc, environment)
        if owner is not None and cookie not in cookies:
            advice = "`orchestrator stop --all` in its workspace, or kill it"
            found.append(_leftover("without a keeper", proc, owner, advice))
        elif cookie is None and (foster := _foster_parent(proc, everyone)):
            advice = "look whose it is; nothing here touches it"
            found.append(_leftover("of another tool", proc, foster, advice))

    return found


def _agent(proc: Proc, environment: Mapping[str, str]) -> str | None:
    """The agent that a process is of, by its cookie or, without one, by its control group."""
    if environment.get(COOKIE_VARIABLE):
        return environment.get(AGENT_VARIABLE, "an agent")

    group = agent_of(proc.pid)
    return group[0] if group is not None else None


def _leftover(kind: Kind, proc: Proc, owner: str, advice: str) -> Leftover:
    return Leftover(
        kind=kind,
        pid=proc.pid,
        program=_cli(proc.pid) or proc.name,
        owner=owner,
        seconds=_age(proc.pid),
        advice=advice,
    )


def _waiting(record: AgentRecord) -> Leftover:
    pid = record.pid or 0
    return Leftover(
        kind="waits for an orchestrator",
        pid=pid,
        program=Path(record.argv[0]).name,
        owner=record.id,
        seconds=_age(pid),
        advice=f"the next server adopts it; `orchestrator stop {record.id}` stops it",
    )


def _standing_still(record: AgentRecord, everyone: dict[int, Proc]) -> Leftover | None:
    """Return the keeper of an agent if somebody has stopped it, or traces it."""
    keeper = keeper_of(record)
    proc = everyone.get(keeper.pid) if keeper is not None and alive(keeper) else None
    if proc is None or proc.state not in _STILL:
        return None

    advice = f"its agent may have stopped it: `orchestrator stop {record.id}`"
    return _leftover("stands still", proc, record.id, advice)


def _waits(settings: Settings, record: AgentRecord) -> bool:
    """Whether it is a durable agent whose orchestrator is gone."""
    if not record.durable or record.pid is None or unsettled(record):
        return False

    with Registry.open(settings.workspace) as registry:
        return is_ownerless(record, registry)


def _live_agents(settings: Settings) -> list[AgentRecord]:
    path = registry_file(settings.workspace)
    if not path.exists() or damage(path) is not None:
        return []

    try:
        with Registry.open(settings.workspace) as registry:
            return registry.agents.find(live=True)
    except OrchestratorError:
        return []


def _is_kept(proc: Proc, everyone: dict[int, Proc]) -> bool:
    """Whether a keeper is among its ancestors."""
    return any(above.name == KEEPER_NAME for above in _ancestors(proc, everyone))


def _ancestors(proc: Proc, everyone: dict[int, Proc]) -> Iterator[Proc]:
    seen: set[int] = set()
    above = everyone.get(proc.ppid)
    while above is not None and above.pid not in seen:
        yield above
        seen.add(above.pid)
        above = everyone.get(above.ppid)


def _foster_parent(proc: Proc, everyone: dict[int, Proc]) -> str | None:
    """Who has adopted an agent CLI whose own parent ended; None for all other processes."""
    parent = everyone.get(proc.ppid)
    if parent is None or _cli(proc.pid) is None:
        return None

    if parent.pid == 1 or parent.name in _ADOPTERS:
        return f"adopted by {parent.name} {parent.pid}"

    terminal = next((a for a in _ancestors(proc, everyone) if a.name.startswith("tmux")), None)
    return f"in {terminal.name} {terminal.pid}" if terminal is not None else None


def _cli(pid: int) -> str | None:
    """The agent CLI that a process is, by the first words of its command line."""
    try:
        command = psutil.Process(pid).cmdline()
    except psutil.Error:
        return None

    names = (Path(word).name.removesuffix(".js") for word in command[:_WORDS])
    return next((name for name in names if name in CLIS), None)


def _age(pid: int) -> float:
    try:
        return max(0.0, time.time() - psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0
