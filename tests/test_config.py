"""Settings are read from the environment; what they cannot be is said with the variable's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config import Settings
from orchestrator.errors import InvalidInputError

HERE = Path("/here")


def read(**variables: str) -> Settings:
    return Settings.read(variables, cwd=HERE)


def test_without_variables_all_is_as_the_original_server_had_it() -> None:
    settings = read()
    assert settings.workspace == HERE / ".agent-workspace"
    assert settings.project == HERE
    limits = settings.limits
    assert (limits.max_agents, limits.max_concurrent, limits.max_depth) == (45, 20, 5)
    assert settings.claude_executable == ("claude",)


def test_each_variable_is_read() -> None:
    settings = read(
        CLAUDE_ORCHESTRATOR_WORKSPACE="ws",
        CLAUDE_ORCHESTRATOR_MAX_AGENTS="7",
        CLAUDE_ORCHESTRATOR_MAX_CONCURRENT="6",
        CLAUDE_ORCHESTRATOR_MAX_DEPTH="2",
        ORCHESTRATOR_MAX_WALL_CLOCK="60",
        ORCHESTRATOR_MAX_IDLE="1.5",
        ORCHESTRATOR_MAX_MEMORY="2G",
        ORCHESTRATOR_MAX_OUTPUT="500k",
        ORCHESTRATOR_MAX_COST="0.25",
        CLAUDE_EXECUTABLE="npx 'my claude'",
        CLAUDE_FLAGS="",
        ORCHESTRATOR_SHUTDOWN_TIMEOUT="0",
        ORCHESTRATOR_DURABLE="yes",
        ORCHESTRATOR_ORPHAN_LIMIT="30",
        ORCHESTRATOR_FREE_MEMORY="1M",
        ORCHESTRATOR_CGROUPS="never",
    )
    assert settings.workspace == HERE / "ws"
    assert settings.limits.model_dump(exclude_none=True) == {
        "max_agents": 7,
        "max_concurrent": 6,
        "max_depth": 2,
        "wall_clock": 60.0,
        "idle": 1.5,
        "memory": 2 * 1024**3,
        "output": 500 * 1024,
        "cost": 0.25,
    }
    assert settings.claude_executable == ("npx", "my claude")
    assert settings.claude_flags == ()
    assert (settings.shutdown_timeout, settings.orphan_limit) == (0.0, 30.0)
    assert (settings.durable, settings.free_memory, settings.cgroups) == (True, 1024**2, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLAUDE_ORCHESTRATOR_MAX_AGENTS", "many"),
        ("CLAUDE_ORCHESTRATOR_MAX_AGENTS", "-1"),
        ("CLAUDE_ORCHESTRATOR_MAX_CONCURRENT", "-1"),
        ("CLAUDE_ORCHESTRATOR_MAX_DEPTH", "1.5"),
        ("ORCHESTRATOR_MAX_WALL_CLOCK", "0"),
        ("ORCHESTRATOR_MAX_IDLE", "-3"),
        ("ORCHESTRATOR_MAX_IDLE", "nan"),
        ("ORCHESTRATOR_MAX_MEMORY", "0"),
        ("ORCHESTRATOR_MAX_MEMORY", "much"),
        ("ORCHESTRATOR_MAX_COST", "-1"),
        ("ORCHESTRATOR_SHUTDOWN_TIMEOUT", "-1"),
        ("ORCHESTRATOR_ORPHAN_LIMIT", "-1"),
        ("ORCHESTRATOR_FREE_MEMORY", "-1"),
        ("ORCHESTRATOR_DURABLE", "perhaps"),
        ("ORCHESTRATOR_CGROUPS", "always"),
        ("CLAUDE_EXECUTABLE", "'claude"),
    ],
)
def test_what_a_setting_cannot_be_is_said_with_the_name_of_its_variable(
    name: str, value: str
) -> None:
    with pytest.raises(InvalidInputError, match=f"^{name}"):
        read(**{name: value})
