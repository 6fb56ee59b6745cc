"""Agents over processes: launch, stop, wait, limits, reconciliation."""

from .agent import Agent
from .changes import Changes
from .preparation import Resources, log_path
from .reconcile import orchestrator_lives
from .remote import stop_anywhere
from .supervisor import Supervisor, open_supervisor
from .surroundings import SERVER_NAME, Surroundings, mcp_config, open_surroundings

__all__ = [
    "SERVER_NAME",
    "Agent",
    "Changes",
    "Resources",
    "Supervisor",
    "Surroundings",
    "log_path",
    "mcp_config",
    "open_supervisor",
    "open_surroundings",
    "orchestrator_lives",
    "stop_anywhere",
]
