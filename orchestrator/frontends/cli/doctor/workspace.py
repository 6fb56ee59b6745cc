"""How a workspace is: checks that change nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
from typing import TYPE_CHECKING, Final

from orchestrator.errors import OrchestratorError
from orchestrator.frontends.cli import words
from orchestrator.frontends.cli.workspace import registry_file, unsettled
from orchestrator.registry import Registry, schema
from orchestrator.supervision import orchestrator_lives
from orchestrator.tasks.places import FREE_BYTES_NEEDED

from .check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orchestrator.config import Settings

#: Free bytes with which there is room to spare.
_FREE_WANTED: Final = 2**30


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

    wrong = damage(path)
    if wrong is not None:
        yield Check(
            "registry",
            "broken",
            f"{path}: {wrong}",
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


def damage(path: Path) -> str | None:
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
    living = [run for run in runs if orchestrator_lives(run, registry)]
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
