"""The agent CLIs: what is known of each, one file for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import Invocation, Provider, ReadsToolCalls
from .claude import ClaudeProvider
from .command import CommandProvider

if TYPE_CHECKING:
    from orchestrator.config import Settings

__all__ = [
    "ClaudeProvider",
    "CommandProvider",
    "Invocation",
    "Provider",
    "ReadsToolCalls",
    "default_providers",
]


def default_providers(settings: Settings) -> dict[str, Provider]:
    """Make every provider there is, by the name that `AgentSpec.provider` calls it.

    Args:
        settings: Names the executables and their flags.
    """
    providers: tuple[Provider, ...] = (
        CommandProvider(),
        ClaudeProvider(executable=settings.claude_executable, flags=settings.claude_flags),
    )
    return {provider.name: provider for provider in providers}
