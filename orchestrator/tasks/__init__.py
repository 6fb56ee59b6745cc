"""The original server's domain: tasks, progress, findings, hierarchy."""

from .caller import Caller
from .projector import Projector, open_projector
from .service import TaskService

__all__ = ["Caller", "Projector", "TaskService", "open_projector"]
