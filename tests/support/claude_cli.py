"""The real claude CLI, for the tests that need it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Why a test with the CLI is skipped, and what to do about it.
CLAUDE_MISSING: Final = (
    "the claude CLI was not found: `npm install @anthropic-ai/claude-code`, then set CLAUDE_CLI "
    "to node_modules/.bin/claude"
)


def find_claude(environ: Mapping[str, str] | None = None) -> Path | None:
    """Find the CLI: what CLAUDE_CLI names, else ``claude`` on PATH, else None.

    Args:
        environ: The variables; None for the process's own.

    Raises:
        FileNotFoundError: CLAUDE_CLI names something that cannot be run.
    """
    variables = os.environ if environ is None else environ
    named = variables.get("CLAUDE_CLI")
    found = shutil.which(named or "claude", path=variables.get("PATH"))
    if named and found is None:
        raise FileNotFoundError(f"CLAUDE_CLI={named} is not a program that can be run")

    return None if found is None else Path(found).absolute()


def claude_environment(base_url: str, home: Path) -> dict[str, str]:
    """Give the whole environment of a CLI that knows no account and reaches only a stand-in.

    Args:
        base_url: Where the stand-in for the Messages API listens.
        home: A folder of its own, where it keeps its settings and sessions.
    """
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "ANTHROPIC_BASE_URL": base_url,
        "ANTHROPIC_API_KEY": "not-a-key",
        # Refused for root outside a sandbox: --dangerously-skip-permissions.
        "IS_SANDBOX": "1",
        # By default it tries ten times, for three minutes.
        "CLAUDE_CODE_MAX_RETRIES": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1,localhost",
    }
