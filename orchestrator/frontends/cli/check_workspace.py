"""How a workspace is, and what is left over of agents: checks that change nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
from typing import TYPE_CHECKING, Final

from orchestrator.config import AGENT_VARIABLE, COOKIE_VARIABLE
from orchestrator.errors import OrchestratorError
from orchestrator.process import tree
from orchestrator.process.kernel import KEEPER_NAME
from orchestrator.registry import Registry, schema
from orchestrator.supervision import orchestrator_lives
from orchestrator.tasks.places import FREE_BYTES_NEEDED

from . import words
from .check import Check
from .workspace import registry_file, unsettled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orchestrator.config import Settings
    from orchestrator.process.tree import Proc

#: Free bytes with which there is room to spare.
_FREE_WANTED: Final = 2**30

#: Left-over processes that are named in one line.
_NAMED: Final = 5


def workspace(settings: Settings) -> Iterator[Check]:
    """Look at the disk, the registry, and who lives according to it."""
    unusable = _unusable(settings.workspace)
    if unusable is not None:
        yield Check(
            "folder",
            "broken",
            f"{settings.workspace} cannot be a workspace: {unusable}",
            "choose a folder of yours with --workspace or CLAUDE_ORCHESTRATOR_WORKSPACE",
        )
        return

    yield _disk(settings.workspace)
    path = registry_file(settings.workspace)
    if not path.exists():
        yield Check("registry", "note", f"no workspace yet in {settings.workspace}")
        return

    damage = _damage(path)
    if damage is not None:
        yield Check(
            "registry",
            "broken",
            f"{path}: {damage}",
            "the next start sets it aside and makes a new one; agents are still found by cookie",
        )
        return

    try:
        with Registry.open(settings.workspace) as registry:
            yield Check("registry", "ok", str(path))
            yield from _inhabitants(registry)
    except OrchestratorError as error:
        yield Check("registry", "broken", str(error), "choose another --workspace meanwhile")


def _unusable(folder: Path) -> str | None:
    """Say why nothing can be made in the folder; None when it can."""
    there = folder
    while not there.exists():
        there = there.parent

    if not there.is_dir():
        return f"{there} is not a folder"

    if not os.access(there, os.W_OK | os.X_OK) or os.statvfs(there).f_blocks == 0:
        return f"nothing can be written in {there}"

    return None


def _disk(folder: Path) -> Check:
    there = folder
    while not there.exists():
        there = there.parent

    free = shutil.disk_usage(there).free
    found = f"{words.size(free)} free for {folder}"
    if free < FREE_BYTES_NEEDED:
        return Check("disk", "broken", found, "free 100M: nothing is deployed with less")

    if free < _FREE_WANTED:
        return Check("disk", "warning", found, "agents write a lot: free some")

    return Check("disk", "ok", found)


def _damage(path: Path) -> str | None:
    """Say what is wrong with the file; opened for reading only, so that it stays as it is."""
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        return str(error)

    try:
        (number,) = connection.execute("PRAGMA application_id").fetchone()
        if number != schema.APPLICATION_ID:
            return "it is empty, or the database of another program"

        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return str(error)
    finally:
        connection.close()

    return None if verdict == "ok" else str(verdict)


def _inhabitants(registry: Registry) -> Iterator[Check]:
    runs = registry.orchestrators.all(open_only=True)
    living = [run for run in runs if orchestrator_lives(run)]
    pids = ", ".join(f"pid {run.pid}" for run in living)
    yield Check("orchestrators", "ok", f"{len(living)} live{f' ({pids})' if pids else ''}")

    live = registry.agents.find(live=True)
    open_ends = [record for record in live if unsettled(record)]
    yield Check("agents", "ok", f"{len(live) - len(open_ends)} live")
    if open_ends or len(living) < len(runs):
        yield Check(
            "unfinished records",
            "warning",
            _unfinished(len(runs) - len(living), len(open_ends)),
            "the next start settles them; `orchestrator stop --all` does it now, and stops "
            "the agents that are live",
        )


def _unfinished(cut_off: int, open_ends: int) -> str:
    said: list[str] = []
    if cut_off:
        said.append(f"{words.orchestrators(cut_off)} {'was' if cut_off == 1 else 'were'} cut off")

    if open_ends:
        said.append(
            f"{open_ends} {'agent has' if open_ends == 1 else 'agents have'} no end on record"
        )

    return "; ".join(said)


def leftovers(settings: Settings) -> Iterator[Check]:
    """Look for processes of agents that nobody keeps any more."""
    if not tree.HAS_PROC:
        yield Check("left over", "note", "cannot be looked for: there is no /proc here")
        return

    live = _live_cookies(settings)
    everyone = {proc.pid: proc for proc in tree.everyone()}
    found: list[str] = []
    for proc in everyone.values():
        if proc.ended or proc.pid == os.getpid() or _is_kept(proc, everyone):
            continue

        environment = tree.environment(proc.pid)
        cookie = environment.get(COOKIE_VARIABLE)
        if cookie is not None and cookie not in live:
            found.append(f"{proc.name} {proc.pid} of {environment.get(AGENT_VARIABLE, 'an agent')}")

    if not found:
        yield Check("left over", "ok", "no process carries the cookie of an agent without a keeper")
        return

    shown = "; ".join(found[:_NAMED]) + ("; ..." if len(found) > _NAMED else "")
    yield Check(
        "left over",
        "warning",
        f"{words.processes(len(found))} without a keeper: {shown}",
        "if their orchestrator is gone: `orchestrator stop --all` in its workspace, or kill PID",
    )


def _live_cookies(settings: Settings) -> set[str]:
    path = registry_file(settings.workspace)
    if not path.exists() or _damage(path) is not None:
        return set()

    try:
        with Registry.open(settings.workspace) as registry:
            return {
                record.cookie for record in registry.agents.find(live=True) if not unsettled(record)
            }
    except OrchestratorError:
        return set()


def _is_kept(proc: Proc, everyone: dict[int, Proc]) -> bool:
    """Whether a keeper is among its ancestors."""
    seen: set[int] = set()
    above = everyone.get(proc.ppid)
    while above is not None and above.pid not in seen:
        if above.name == KEEPER_NAME:
            return True

        seen.add(above.pid)
        above = everyone.get(above.ppid)

    return False
