"""What is known, on disk: the only writer of state."""

from .agents import Agents
from .orchestrators import Orchestrators
from .registry import Registry
from .reports import ReportCounts, Reports
from .tasks import Tasks

__all__ = [
    "Agents",
    "Orchestrators",
    "Registry",
    "ReportCounts",
    "Reports",
    "Tasks",
]
