"""``orchestrator logs``: what an agent wrote, and what it still writes."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, BinaryIO, Final

from .workspace import find_agent, open_existing, unsettled

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.config import Settings
    from orchestrator.model import AgentId
    from orchestrator.registry import Registry

_CHUNK: Final = 1 << 16

#: Seconds between two looks at a file that grows.
_POLL: Final = 0.1


def show(settings: Settings, text: str, *, follow: bool, errors: bool, lines: int | None) -> None:
    """Print the output of an agent.

    Args:
        settings: Which workspace.
        text: The agent's id, or its beginning.
        follow: Go on until the agent has ended.
        errors: Its standard error instead.
        lines: Only so many of the last lines; None for all.

    Raises:
        NotFoundError: There is no workspace, or no such agent.
        RegistryError: The workspace cannot be read.
    """
    with open_existing(settings) as registry:
        record = find_agent(registry, text)
        path = record.files.stderr if errors else record.files.stdout
        file = _open(path)
        if file is None:
            sys.stderr.write(f"orchestrator: {path} is not there (any more)\n")
            return

        with file:
            if lines is not None:
                file.seek(start_of_last(file, lines))

            if follow:
                _follow(file, registry, record.id)
            else:
                _copy(file)


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def _follow(file: BinaryIO, registry: Registry, agent_id: AgentId) -> None:
    pause = threading.Event()
    while True:
        # In this order: what it wrote last is there before its end is on record.
        record = registry.agents.get(agent_id)
        ended = not record.live or unsettled(record)
        _copy(file)
        if ended:
            return

        pause.wait(_POLL)


def _copy(file: BinaryIO) -> None:
    while data := file.read(_CHUNK):
        sys.stdout.buffer.write(data)

    sys.stdout.buffer.flush()


def start_of_last(file: BinaryIO, lines: int) -> int:
    """Return where the last lines of a file begin, reading no more of it than they take."""
    position = file.seek(0, 2)
    if lines <= 0:
        return position

    # The end of the last line is no line of its own.
    left = lines
    end = position
    while position > 0:
        step = min(_CHUNK, position)
        position -= step
        file.seek(position)
        data = file.read(step)
        at = len(data)
        while (at := data.rfind(b"\n", 0, at)) >= 0:
            if position + at + 1 == end:
                continue

            left -= 1
            if left == 0:
                return position + at + 1

    return 0
