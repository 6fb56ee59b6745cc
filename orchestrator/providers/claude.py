"""The provider of agents that are the claude CLI."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from orchestrator.errors import InvalidInputError
from orchestrator.model import StopPolicy

from .base import Invocation
from .claude_output import read_claude_result
from .claude_tools import read_open_calls

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.model import AgentSpec, ProviderResult
    from orchestrator.model.activity import OpenToolCall

#: What the CLI sets for the processes that it starts, our own server being one of them. An agent
#: that inherits them believes itself inside that other session: with the entry point of an editor
#: it ignores its API key and asks for a login; with that of a desktop application it starts its
#: MCP servers without the variables by which they find their orchestrator.
SESSION_VARIABLES: Final = (
    "CLAUDECODE",
    "CLAUDE_CODE_CHILD_SESSION",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_EXECPATH",
    "CLAUDE_CODE_SESSION_ID",
    "CLAUDE_CODE_SSE_PORT",
    "CLAUDE_EFFORT",
    "CLAUDE_PROJECT_DIR",
)

#: Only SIGINT makes the CLI end its own tool calls: measured, they are gone after 0.02 s, and the
#: CLI itself after 0.2 s. The rest of the time is for slower machines.
STOP: Final = StopPolicy(polite_signal=signal.SIGINT, polite_grace=0.5, term_grace=1.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaudeProvider:
    """The claude CLI without a terminal; its prompt comes on standard input.

    Attributes:
        executable: The CLI as argv; may be several words, e.g. ``("npx", "-y", "PACKAGE")``.
        flags: Its arguments, before those of the spec.
    """

    executable: tuple[str, ...]
    flags: tuple[str, ...]

    @property
    def name(self) -> str:
        """``claude``."""
        return "claude"

    @property
    def stop(self) -> StopPolicy:
        """SIGINT first, which makes the CLI end its own tools."""
        return STOP

    def invocation(self, spec: AgentSpec, mcp_config: Path | None) -> Invocation:
        """Put executable, flags, the spec's own arguments and the MCP file into one argv.

        Raises:
            InvalidInputError: No executable is set, or the spec ends the options with ``--``.
        """
        if not self.executable or not self.executable[0]:
            raise InvalidInputError(
                "No claude CLI is set: give CLAUDE_EXECUTABLE a program, or unset it for 'claude'"
            )

        if "--" in spec.argv:
            raise InvalidInputError(
                "argv of a claude agent holds options only, no '--': its prompt goes into prompt"
            )

        # Last, since --mcp-config takes every word up to the next option.
        mcp = () if mcp_config is None else ("--mcp-config", str(mcp_config))
        return Invocation(
            argv=(*self.executable, *self.flags, *spec.argv, *mcp),
            unset=SESSION_VARIABLES,
            remedy="install the CLI, or name it in the variable CLAUDE_EXECUTABLE",
        )

    def read_result(self, stdout: Path) -> ProviderResult | None:
        """Read the CLI's result line, see `read_claude_result`."""
        return read_claude_result(stdout)

    def open_tool_calls(self, stdout: Path) -> tuple[OpenToolCall, ...]:
        """Read the tool calls without an answer, see `read_open_calls`."""
        return read_open_calls(stdout)
