"""The provider of agents that are any command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import InvalidInputError
from orchestrator.model import StopPolicy

from .base import Invocation

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.model import AgentSpec, ProviderResult


@dataclass(frozen=True, slots=True)
class CommandProvider:
    """Any program: started as its spec says, judged by its exit code alone."""

    @property
    def name(self) -> str:
        """``command``."""
        return "command"

    @property
    def stop(self) -> StopPolicy:
        """SIGTERM first: nothing politer is known of a program that can be any."""
        return StopPolicy()

    def invocation(
        self,
        spec: AgentSpec,
        mcp_config: Path | None,  # noqa: ARG002  only an agent CLI would know what to do with it
    ) -> Invocation:
        """Take the argv of the spec as it is.

        Raises:
            InvalidInputError: There is no program in it.
        """
        if not spec.argv or not spec.argv[0]:
            raise InvalidInputError(
                "A command needs a program: put it first in argv, e.g. ['python', 'agent.py']"
            )

        return Invocation(argv=spec.argv)

    def read_result(self, stdout: Path) -> ProviderResult | None:  # noqa: ARG002  never looked at
        """Say nothing: the output of a program that can be any has no known form."""
        return None
