"""What a provider is: the knowledge of one agent CLI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from orchestrator.model.base import Noun

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.model import AgentSpec, ProviderResult, StopPolicy
    from orchestrator.model.activity import OpenToolCall


class Invocation(Noun):
    """How an agent is started.

    Attributes:
        argv: The program, as it is to be looked up on PATH, and its arguments. Never the prompt.
        unset: Variables of the orchestrator's own environment that it must not inherit.
        remedy: What the user can do when there is no such program.
    """

    argv: tuple[str, ...]
    unset: tuple[str, ...] = ()
    remedy: str = "install it, or give its full path"


class Provider(Protocol):
    """The knowledge of one agent CLI; without state."""

    @property
    def name(self) -> str:
        """What `AgentSpec.provider` calls it."""
        ...

    @property
    def stop(self) -> StopPolicy:
        """How its agents are stopped unless their spec says otherwise."""
        ...

    def invocation(self, spec: AgentSpec, mcp_config: Path | None) -> Invocation:
        """Say how to start an agent.

        Args:
            spec: What was asked for.
            mcp_config: A file with the MCP server through which the agent can report back
                (``{"mcpServers": {"claude-orchestrator": ...}}``); None without one.

        Raises:
            InvalidInputError: The spec is not one for this provider.
        """
        ...

    def read_result(self, stdout: Path) -> ProviderResult | None:
        """Read what the CLI said about itself at the end of its output, if it did.

        Reads a bounded part of the file, however long it is. A missing file is no error, nor is
        whatever an agent may have printed; one that raises all the same has read nothing.
        """
        ...


@runtime_checkable
class ReadsToolCalls(Protocol):
    """What a provider can do besides: tell which tools its CLI is waiting for.

    A provider without this is one whose output does not say so. Of its agents it is then judged
    by their processes alone what they wait for.
    """

    def open_tool_calls(self, stdout: Path) -> tuple[OpenToolCall, ...]:
        """Read which tool calls have no answer yet, the oldest first.

        Called again and again while the agent runs and writes: reads a bounded part of the end of
        the file, however long it is, and never raises for what it holds. A missing file is no
        error.
        """
        ...
