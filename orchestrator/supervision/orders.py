"""From what was asked for to what a keeper is told: program, environment, files."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.config import (
    AGENT_VARIABLE,
    COOKIE_VARIABLE,
    SOCKET_VARIABLE,
    TASK_VARIABLE,
    WORKSPACE_VARIABLE,
)
from orchestrator.errors import LaunchError
from orchestrator.model import AgentFiles
from orchestrator.process.messages import limits_message, policy_message
from orchestrator.registry.atomic import make_private_folder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.model import AgentId, AgentRecord, AgentSpec
    from orchestrator.process.wire import LaunchMessage
    from orchestrator.providers import Invocation

    from .surroundings import Surroundings

_PRIVATE_FILE = 0o600


def default_files(workspace: Path, agent_id: AgentId) -> AgentFiles:
    """Return where an agent without a task has its files: a folder of its own."""
    folder = workspace / "agents" / agent_id
    return AgentFiles(
        prompt=folder / "prompt.txt",
        stdout=folder / "stdout.log",
        stderr=folder / "stderr.log",
        outcome=folder / "outcome.json",
    )


def find_program(invocation: Invocation, env: Mapping[str, str], cwd: Path) -> str:
    """Return the absolute path of the program that an agent is.

    Raises:
        LaunchError: There is none, or it cannot be executed.
    """
    name = invocation.argv[0]
    if "/" in name:
        # Unlike pathlib's, these answer for a user who does not exist and a name too long.
        path = os.path.join(cwd, os.path.expanduser(name))  # noqa: PTH111, PTH118
        if os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113
            return path

        there = os.path.exists(path)  # noqa: PTH110
        why = "it is not an executable file" if there else "no such file"
        remedy = "make it one (chmod +x), or name another" if there else invocation.remedy
        raise LaunchError(
            f"cannot execute {name!r}: {why}; {remedy}",
            number=errno.EACCES if there else errno.ENOENT,
        )

    found = shutil.which(name, path=env.get("PATH", os.defpath))
    if found is None:
        raise LaunchError(
            f"cannot find {name!r} on PATH; {invocation.remedy}",
            number=errno.ENOENT,
        )

    return found if os.path.isabs(found) else str(Path.cwd() / found)  # noqa: PTH117


def check_cwd(cwd: Path) -> None:
    """Refuse a working directory that cannot be one.

    Raises:
        LaunchError: It is missing, or no directory.
    """
    try:
        is_directory = cwd.is_dir()
    except (OSError, ValueError):
        is_directory = False

    if not is_directory:
        there = os.path.lexists(cwd)
        why = "it is not a directory" if there else "no such directory"
        raise LaunchError(
            f"cannot run in {str(cwd)!r}: {why}; name one that exists",
            number=errno.ENOTDIR if there else errno.ENOENT,
        )


def make_environment(
    record: AgentRecord,
    spec: AgentSpec,
    invocation: Invocation,
    *,
    surroundings: Surroundings,
    workspace: Path,
) -> dict[str, str]:
    """Return the environment of an agent: the orchestrator's own, the spec's, and its marks."""
    env = {**os.environ, **spec.env}
    for name in (*invocation.unset, SOCKET_VARIABLE, TASK_VARIABLE):
        if name not in spec.env:
            env.pop(name, None)

    env[COOKIE_VARIABLE] = record.cookie
    env[AGENT_VARIABLE] = record.id
    if record.task_id is not None:
        env[TASK_VARIABLE] = record.task_id

    if surroundings.socket is not None:
        # The relays of a durable agent find the next orchestrator by the link.
        there = record.files.address if record.durable else surroundings.socket
        env[SOCKET_VARIABLE] = str(there)
        # A nested copy that finds nobody at the socket serves this workspace, wherever it runs.
        env[WORKSPACE_VARIABLE] = str(workspace)

    return env


def make_order(record: AgentRecord, program: str, env: dict[str, str], log: Path) -> LaunchMessage:
    """Return what the keeper is told."""
    files = record.files
    return {
        "agent_id": record.id,
        "path": program,
        "argv": list(record.argv),
        "env": env,
        "cwd": str(record.cwd),
        "prompt": str(files.prompt),
        "stdout": str(files.stdout),
        "stderr": str(files.stderr),
        "outcome": str(files.outcome),
        "log": str(log),
        "policy": policy_message(record.stop),
        "limits": limits_message(record.limits),
        "door": str(files.door) if record.durable else None,
        "orphan_limit": record.orphan_limit,
    }


def write_prompt(files: AgentFiles, prompt: str) -> None:
    """Write what the agent reads, and make its folders; readable by their owner only.

    Raises:
        LaunchError: The files cannot be written.
    """
    try:
        paths = (files.prompt, files.stdout, files.stderr, files.outcome)
        for folder in {path.parent for path in paths}:  # mostly one
            make_private_folder(folder)

        descriptor = os.open(
            files.prompt, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _PRIVATE_FILE
        )
        with os.fdopen(descriptor, "wb") as file:
            file.write(prompt.encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise LaunchError(
            f"cannot write {files.prompt}: {error.strerror}", number=error.errno
        ) from error


def point_relays(record: AgentRecord, surroundings: Surroundings) -> None:
    """Let the relays of a durable agent find this orchestrator, if it listens anywhere.

    Raises:
        LaunchError: The link cannot be made.
    """
    if not record.durable or surroundings.socket is None:
        return

    address = record.files.address
    draft = address.with_name(f"{address.name}.{secrets.token_hex(8)}")
    try:
        draft.symlink_to(surroundings.socket)
        draft.replace(address)
        if surroundings.mcp_config is not None:
            write_atomically(record.files.mcp_config, surroundings.mcp_config.read_text())
    except OSError as error:
        raise LaunchError(
            f"cannot write {address}: {error.strerror}", number=error.errno
        ) from error


def remove_files(files: AgentFiles) -> None:
    """Remove what a refused launch has written, and its folder if nothing else is in there."""
    for path in (files.prompt, files.stdout, files.stderr, files.address, files.mcp_config):
        with suppress(OSError):
            path.unlink()

    with suppress(OSError):
        files.prompt.parent.rmdir()
