"""The nouns: frozen values without I/O."""

from .agents import PREVIEW_CHARS, AgentFiles, AgentRecord, AgentSpec, Limits, OrchestratorRecord
from .ids import (
    ORCHESTRATOR,
    AgentId,
    Cookie,
    OrchestratorId,
    TaskId,
    new_agent_id,
    new_cookie,
    new_orchestrator_id,
    new_task_id,
    parse_id,
)
from .outcome import Outcome, ProviderResult, StopReceipt, Usage, Verdict
from .policy import StopPolicy
from .processes import Exit, ExitedWithCode, KilledBySignal, ProcessIdentity, ProcessNote
from .states import (
    FINAL,
    LIVE,
    AgentState,
    Exited,
    Lost,
    Running,
    Starting,
    StateKind,
    Stopping,
    may_follow,
)
from .tasks import FindingEntry, ProgressEntry, TaskRecord

__all__ = [
    "FINAL",
    "LIVE",
    "ORCHESTRATOR",
    "PREVIEW_CHARS",
    "AgentFiles",
    "AgentId",
    "AgentRecord",
    "AgentSpec",
    "AgentState",
    "Cookie",
    "Exit",
    "Exited",
    "ExitedWithCode",
    "FindingEntry",
    "KilledBySignal",
    "Limits",
    "Lost",
    "OrchestratorId",
    "OrchestratorRecord",
    "Outcome",
    "ProcessIdentity",
    "ProcessNote",
    "ProgressEntry",
    "ProviderResult",
    "Running",
    "Starting",
    "StateKind",
    "StopPolicy",
    "StopReceipt",
    "Stopping",
    "TaskId",
    "TaskRecord",
    "Usage",
    "Verdict",
    "may_follow",
    "new_agent_id",
    "new_cookie",
    "new_orchestrator_id",
    "new_task_id",
    "parse_id",
]
