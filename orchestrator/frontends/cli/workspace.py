"""The workspace as commands see it: opened without being made, searched for one agent."""

from __future__ import annotations

import difflib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from orchestrator.errors import NotFoundError
from orchestrator.model import Kept
from orchestrator.process.identity import alive
from orchestrator.registry import Registry
from orchestrator.registry.registry import FILE, FOLDER

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from orchestrator.config import Settings
    from orchestrator.model import AgentRecord, ProcessIdentity

#: Ids that are proposed instead of one that is not there.
_PROPOSALS: Final = 3


def registry_file(workspace: Path) -> Path:
    """Return where the registry of a workspace is."""
    return workspace / FOLDER / FILE


@contextmanager
def open_existing(settings: Settings) -> Generator[Registry]:
    """Open the registry of a workspace that is there; make nothing.

    Raises:
        NotFoundError: There is no workspace.
        RegistryError: It cannot be read.
    """
    if not registry_file(settings.workspace).exists():
        raise NotFoundError(
            f"no workspace here ({settings.workspace}): `orchestrator run -- CMD` makes one, "
            "--workspace or CLAUDE_ORCHESTRATOR_WORKSPACE names another"
        )

    with Registry.open(settings.workspace) as registry:
        yield registry


def find_agent(registry: Registry, text: str) -> AgentRecord:
    """Return the agent of this id, or the only one whose id begins so.

    Raises:
        NotFoundError: There is none, or there are several; the message proposes ids.
    """
    records = {str(record.id): record for record in registry.agents.find()}
    if text in records:
        return records[text]

    beginning = [name for name in records if text and name.startswith(text)]
    if len(beginning) == 1:
        return records[beginning[0]]

    if beginning:
        raise NotFoundError(
            f"{len(beginning)} agents begin with {text!r}: {', '.join(beginning[:_PROPOSALS])}"
            f"{', ...' if len(beginning) > _PROPOSALS else ''}; give more of the id"
        )

    close = difflib.get_close_matches(text, records, n=_PROPOSALS)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    raise NotFoundError(f"no agent {text!r}{hint} (`orchestrator ps --all` lists them)")


def keeper_of(record: AgentRecord) -> ProcessIdentity | None:
    """Return its keeper while it is known to have one."""
    return record.state.keeper if isinstance(record.state, Kept) else None


def unsettled(record: AgentRecord) -> bool:
    """Whether it lives on record only: its keeper has ended, and nobody has recorded how."""
    keeper = keeper_of(record)
    return keeper is not None and not alive(keeper)
