"""The provider of any command."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config import Settings
from orchestrator.errors import InvalidInputError
from orchestrator.model import AgentSpec
from orchestrator.providers import CommandProvider, default_providers


def test_a_command_is_started_as_its_spec_says() -> None:
    spec = AgentSpec(argv=("python", "-c", "print()", ""), prompt="never in argv")

    invocation = CommandProvider().invocation(spec, Path("/run/mcp.json"))

    assert invocation.argv == ("python", "-c", "print()", "")
    assert invocation.unset == ()


@pytest.mark.parametrize("argv", [(), ("",), ("", "x")])
def test_a_command_without_a_program_is_refused(argv: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInputError, match="needs a program"):
        CommandProvider().invocation(AgentSpec(argv=argv), None)


def test_a_command_is_stopped_without_a_polite_signal() -> None:
    assert CommandProvider().stop.polite_signal is None


def test_a_command_says_nothing_about_itself(tmp_path: Path) -> None:
    stdout = tmp_path / "stdout"
    stdout.write_text('{"type":"result","subtype":"success","is_error":false}\n')

    assert CommandProvider().read_result(stdout) is None


def test_each_default_provider_stands_under_its_own_name(tmp_path: Path) -> None:
    settings = Settings(workspace=tmp_path, project=tmp_path, claude_executable=("my-claude",))

    providers = default_providers(settings)

    assert {name: provider.name for name, provider in providers.items()} == {
        "command": "command",
        "claude": "claude",
    }
    assert providers["claude"].invocation(AgentSpec(), None).argv[0] == "my-claude"
