"""Agents over processes: launch, stop, wait, limits, reconciliation."""

from .agent import Agent
from .changes import Changes
from .orders import Surroundings
from .reconcile import orchestrator_lives
from .remote import stop_anywhere
from .supervisor import Supervisor, log_path, open_supervisor

__all__ = [
    "Agent",
    "Changes",
    "Supervisor",
    "Surroundings",
    "log_path",
    "open_supervisor",
    "orchestrator_lives",
    "stop_anywhere",
]
