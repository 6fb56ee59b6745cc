"""Agents over processes: launch, stop, wait, limits, reconciliation."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .agent import Agent
    from .changes import Changes
    from .preparation import Resources, log_path
    from .reconcile import orchestrator_lives
    from .remote import freeze_anywhere, stop_anywhere, thaw_anywhere
    from .supervisor import Supervisor, open_supervisor
    from .surroundings import SERVER_NAME, Surroundings, mcp_config, open_surroundings

__all__ = [
    "SERVER_NAME",
    "Agent",
    "Changes",
    "Resources",
    "Supervisor",
    "Surroundings",
    "freeze_anywhere",
    "log_path",
    "mcp_config",
    "open_supervisor",
    "open_surroundings",
    "orchestrator_lives",
    "stop_anywhere",
    "thaw_anywhere",
]

#: Where each name is defined. Whoever only looks at agents, as `ps` does, needs none of them and
#: does without: together they take as long to load as a look at a hundred agents.
_HOMES = {
    "SERVER_NAME": "surroundings",
    "Agent": "agent",
    "Changes": "changes",
    "Resources": "preparation",
    "Supervisor": "supervisor",
    "Surroundings": "surroundings",
    "freeze_anywhere": "remote",
    "log_path": "preparation",
    "mcp_config": "surroundings",
    "open_supervisor": "supervisor",
    "open_surroundings": "surroundings",
    "orchestrator_lives": "reconcile",
    "stop_anywhere": "remote",
    "thaw_anywhere": "remote",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
