"""Launch AI coding CLIs as headless agents, and leave no process behind.

How it is built, from the bottom up; imports point down only:

    errors, model, config   what can go wrong, the nouns, the settings
    process                 the operating system: nursery, keepers, stopping, identity
    providers               the agent CLIs
    registry                what is known, on disk
    supervision             agents over processes: one task for each
    tasks                   the domain of the drop-in tools
    app                     builds it all
    frontends               the command line, MCP, and the relay of nested copies

As a library::

    async with open_orchestrator() as o:
        agent = await o.launch(AgentSpec(argv=("sleep", "1")))
        outcome = await agent.wait()
"""

from __future__ import annotations

#: Type checkers take it for true. `typing` itself would take half of a relay's start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from .app import open_orchestrator
    from .config import Settings
    from .errors import (
        AgentLostError,
        AgentStateError,
        GateClosedError,
        InvalidInputError,
        LaunchError,
        LimitReachedError,
        NotFoundError,
        NotPermittedError,
        NurseryError,
        OrchestratorError,
        RegistryError,
        ShuttingDownError,
    )
    from .model import (
        Activity,
        AgentId,
        AgentRecord,
        AgentSpec,
        ExitedWithCode,
        KilledBySignal,
        LimitNote,
        Limits,
        OpenToolCall,
        Outcome,
        ProcessIdentity,
        ProcessNote,
        ProcessUse,
        ProviderResult,
        StopPolicy,
        StopReceipt,
        TaskId,
    )
    from .providers import Invocation, Provider, ReadsToolCalls, default_providers
    from .supervision import Agent, Supervisor

__version__ = "0.1.0"

__all__ = [
    "Activity",
    "Agent",
    "AgentId",
    "AgentLostError",
    "AgentRecord",
    "AgentSpec",
    "AgentStateError",
    "ExitedWithCode",
    "GateClosedError",
    "InvalidInputError",
    "Invocation",
    "KilledBySignal",
    "LaunchError",
    "LimitNote",
    "LimitReachedError",
    "Limits",
    "NotFoundError",
    "NotPermittedError",
    "NurseryError",
    "OpenToolCall",
    "OrchestratorError",
    "Outcome",
    "ProcessIdentity",
    "ProcessNote",
    "ProcessUse",
    "Provider",
    "ProviderResult",
    "ReadsToolCalls",
    "RegistryError",
    "Settings",
    "ShuttingDownError",
    "StopPolicy",
    "StopReceipt",
    "Supervisor",
    "TaskId",
    "__version__",
    "default_providers",
    "open_orchestrator",
]

#: Where each public name is defined. Loading them when they are asked for keeps the nursery and
#: the relay, which need none of them, at a tenth of the start time and memory.
_HOMES = {
    "Activity": "model",
    "Agent": "supervision",
    "AgentId": "model",
    "AgentLostError": "errors",
    "AgentRecord": "model",
    "AgentSpec": "model",
    "AgentStateError": "errors",
    "ExitedWithCode": "model",
    "GateClosedError": "errors",
    "InvalidInputError": "errors",
    "Invocation": "providers",
    "KilledBySignal": "model",
    "LaunchError": "errors",
    "LimitNote": "model",
    "LimitReachedError": "errors",
    "Limits": "model",
    "NotFoundError": "errors",
    "NotPermittedError": "errors",
    "NurseryError": "errors",
    "OpenToolCall": "model",
    "OrchestratorError": "errors",
    "Outcome": "model",
    "ProcessIdentity": "model",
    "ProcessNote": "model",
    "ProcessUse": "model",
    "Provider": "providers",
    "ProviderResult": "model",
    "ReadsToolCalls": "providers",
    "RegistryError": "errors",
    "Settings": "config",
    "ShuttingDownError": "errors",
    "StopPolicy": "model",
    "StopReceipt": "model",
    "Supervisor": "supervision",
    "TaskId": "model",
    "default_providers": "providers",
    "open_orchestrator": "app",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    import importlib  # noqa: PLC0415  the relay needs no name, and nobody needs it before

    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
