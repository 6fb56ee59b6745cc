"""What an agent finds that lets it speak to its orchestrator: a socket, and a file that says so."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from orchestrator.errors import InvalidInputError
from orchestrator.model import ProcessIdentity
from orchestrator.model.base import Noun
from orchestrator.process.identity import alive, identify
from orchestrator.registry.atomic import write_atomically

if TYPE_CHECKING:
    from collections.abc import Generator

logger = logging.getLogger(__name__)

#: The name under which users register the server, and which prompts refer to.
SERVER_NAME: Final = "claude-orchestrator"

_PREFIX: Final = "orchestrator-"
_OWNER: Final = "owner.json"

#: A Unix socket path holds 107 bytes and a NUL (macOS: 103).
_PATH_MAX: Final = 100


class Surroundings(Noun):
    """Where the front end listens for agents, if it does.

    Attributes:
        socket: Where an agent's relay connects; None where nothing listens.
        mcp_config: The file that an agent's CLI is handed; None without.
    """

    socket: Path | None = None
    mcp_config: Path | None = None


@contextmanager
def open_surroundings() -> Generator[Surroundings]:
    """Make a private folder for a socket and the agents' MCP configuration; remove it at the end.

    It is in the runtime directory, not in the workspace, whose path may be too long for a socket.
    Folders that killed orchestrators have left are removed.

    Raises:
        InvalidInputError: It cannot be made there.
    """
    root = _root()
    _remove_stale(root)
    with ExitStack() as stack:
        try:
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            config = _fill(folder)
        except OSError as error:
            raise InvalidInputError(
                f"Cannot make a folder for the server's socket in {root}: {error.strerror}; set "
                "XDG_RUNTIME_DIR to one that can be written, or free some space there"
            ) from error

        yield Surroundings(socket=folder / "agents.sock", mcp_config=config)


def _fill(folder: Path) -> Path:
    me = identify(os.getpid())
    if me is not None:
        write_atomically(folder / _OWNER, me.model_dump_json())

    config = folder / "mcp.json"
    write_atomically(config, json.dumps(mcp_config(), indent=2))
    return config


def mcp_config() -> dict[str, object]:
    """Return the configuration with which an agent's CLI starts its copy of this server.

    ``-P`` keeps the agent's own working directory out of the module search: there may be a folder
    called ``orchestrator`` in it.
    """
    server = {"type": "stdio", "command": sys.executable, "args": ["-P", "-m", "orchestrator"]}
    return {"mcpServers": {SERVER_NAME: server}}


def _root() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and _fits(runtime):
        return Path(runtime)

    try:
        temporary = tempfile.gettempdir()
    except OSError as error:
        raise InvalidInputError(
            "There is no folder for the server's socket: set XDG_RUNTIME_DIR or TMPDIR to one that "
            "can be written"
        ) from error

    if _fits(temporary):
        return Path(temporary)

    return Path("/tmp")  # noqa: S108  the folder below it gets a random name and mode 0700


def _fits(folder: str) -> bool:
    return len(folder) < _PATH_MAX - 40 and os.access(folder, os.W_OK)


def _remove_stale(root: Path) -> None:
    for folder in root.glob(f"{_PREFIX}*"):
        try:
            owner = ProcessIdentity.model_validate_json((folder / _OWNER).read_bytes())
            if folder.stat().st_uid == os.getuid() and not alive(owner):
                shutil.rmtree(folder)
        except (OSError, ValidationError) as error:
            logger.debug("left %s alone: %s", folder, error)
