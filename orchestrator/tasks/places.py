"""Where a task and its agents have their files, and which project they work on."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orchestrator.errors import InvalidInputError, LaunchError
from orchestrator.model import AgentFiles
from orchestrator.registry.atomic import make_private_folder

if TYPE_CHECKING:
    from orchestrator.model import AgentId, TaskRecord

#: Free bytes on the workspace's disk without which nothing is deployed, as in the original.
FREE_BYTES_NEEDED: Final = 100 * 1024 * 1024

_FOLDERS: Final = ("progress", "findings", "logs", "output")
_FOLDER_VARIABLE = re.compile(
    r"\$\{(?:workspaceFolder|WORKSPACE_FOLDER)\}|\$(?:workspaceFolder|WORKSPACE_FOLDER)\b"
)


def resolve_project(client_cwd: str | None, here: Path) -> Path | None:
    """Return the project directory that a client named; None when it named none.

    Args:
        client_cwd: What came from the client; the editors' variables for the workspace folder
            stand for `here`.
        here: Where the orchestrator was started.

    Raises:
        InvalidInputError: It is no directory.
    """
    if client_cwd is None or not client_cwd.strip():
        return None

    text = _FOLDER_VARIABLE.sub(lambda _: str(here), client_cwd.strip())
    try:
        project = here / Path(text).expanduser()
        if project.is_dir():
            return project
    except (OSError, ValueError, RuntimeError):
        # A NUL, a path too long, a home that is nobody's: no directory either.
        pass

    raise InvalidInputError(
        f"client_cwd {client_cwd[:200]!r} is not a directory; name the project's folder"
    )


def make_folders(task: TaskRecord) -> None:
    """Make the folders of a task.

    Raises:
        InvalidInputError: They cannot be made there.
    """
    try:
        for folder in _FOLDERS:
            make_private_folder(task.workspace / folder)
    except OSError as error:
        raise InvalidInputError(
            f"Cannot make the workspace {task.workspace}: {error.strerror}; "
            "name a client_cwd that can be written"
        ) from error


def agent_files(task: TaskRecord, agent_id: AgentId) -> AgentFiles:
    """Return where the original server had an agent's files, and two files beside them."""
    logs = task.workspace / "logs"
    return AgentFiles(
        prompt=task.workspace / f"agent_prompt_{agent_id}.txt",
        stdout=logs / f"{agent_id}_stream.jsonl",
        stderr=logs / f"{agent_id}_stderr.log",
        outcome=logs / f"{agent_id}_outcome.json",
    )


def check_free_space(folder: Path) -> None:
    """Refuse to deploy where an agent's output would soon fill the disk.

    Raises:
        LaunchError: Less than `FREE_BYTES_NEEDED` is free.
    """
    there = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    try:
        free = shutil.disk_usage(there).free
    except OSError as error:
        raise LaunchError(
            f"Cannot ask for the free space of {folder}: {error.strerror}", number=error.errno
        ) from error

    if free < FREE_BYTES_NEEDED:
        raise LaunchError(
            f"Only {free // 2**20} MB are free on the disk of {folder}; an agent needs "
            f"{FREE_BYTES_NEEDED // 2**20} MB for its output: free some"
        )
