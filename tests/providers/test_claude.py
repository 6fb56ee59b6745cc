"""The provider of the claude CLI."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from orchestrator.config import Settings
from orchestrator.errors import InvalidInputError
from orchestrator.model import AgentSpec
from orchestrator.providers import ClaudeProvider, Provider, default_providers


def provider_of(environ: dict[str, str]) -> Provider:
    """Make the provider as the application does, from variables of the environment."""
    return default_providers(Settings.read(environ, cwd=Path("/project")))["claude"]


def test_the_flags_of_the_original_server_are_the_default() -> None:
    invocation = provider_of({}).invocation(AgentSpec(prompt="never in argv"), None)

    assert invocation.argv == (
        "claude",
        "--print",
        "--output-format",
        "stream-json",
        "--verbose",
        "--dangerously-skip-permissions",
        "--model",
        "sonnet",
    )


def test_an_executable_may_be_several_words() -> None:
    environ = {"CLAUDE_EXECUTABLE": "env A='b c' claude", "CLAUDE_FLAGS": "--print"}

    assert provider_of(environ).invocation(AgentSpec(), None).argv == (
        "env",
        "A=b c",
        "claude",
        "--print",
    )


def test_the_mcp_file_comes_last_since_its_option_takes_every_word_that_follows() -> None:
    provider = ClaudeProvider(executable=("claude",), flags=("--print",))
    spec = AgentSpec(argv=("--model", "opus"))

    assert provider.invocation(spec, Path("/run/mcp.json")).argv == (
        "claude",
        "--print",
        "--model",
        "opus",
        "--mcp-config",
        "/run/mcp.json",
    )


@pytest.mark.parametrize("executable", [(), ("",)])
def test_an_empty_executable_is_refused(executable: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInputError, match="CLAUDE_EXECUTABLE"):
        ClaudeProvider(executable=executable, flags=()).invocation(AgentSpec(), None)


def test_the_end_of_options_is_refused_since_the_mcp_file_would_become_a_prompt() -> None:
    with pytest.raises(InvalidInputError, match="goes into prompt"):
        provider_of({}).invocation(AgentSpec(argv=("--", "do it")), None)


def test_an_agent_does_not_inherit_the_session_that_its_orchestrator_runs_in() -> None:
    unset = provider_of({}).invocation(AgentSpec(), None).unset

    assert {
        "CLAUDECODE",
        "CLAUDE_CODE_CHILD_SESSION",
        "CLAUDE_CODE_ENTRYPOINT",
        "CLAUDE_CODE_SESSION_ID",
        "CLAUDE_CODE_SSE_PORT",
        "CLAUDE_PROJECT_DIR",
    } <= set(unset)
    # These are the user's, and the CLI needs them.
    assert not {"ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR"} & set(unset)


def test_claude_is_asked_by_sigint_before_anything_else() -> None:
    stop = provider_of({}).stop

    assert stop.polite_signal == signal.SIGINT
    assert (stop.polite_grace, stop.term_grace) == (0.5, 1.2)
