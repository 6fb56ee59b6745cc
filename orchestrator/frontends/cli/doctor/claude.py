"""Whether the claude CLI can be launched."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, Final

from .check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.config import Settings

#: Seconds for it to say its version.
_PATIENCE: Final = 15.0

_SKIP: Final = "--dangerously-skip-permissions"


def claude(settings: Settings) -> Iterator[Check]:
    """Look for the CLI that `Settings.claude_executable` names."""
    words = settings.claude_executable
    program = words[0] if words else ""
    path = shutil.which(program) if program else None
    if path is None:
        yield Check(
            "claude CLI",
            "warning",
            f"{program!r} was not found",
            "npm install -g @anthropic-ai/claude-code, or name it in CLAUDE_EXECUTABLE; "
            "`orchestrator demo` and `orchestrator run -- CMD` need none",
        )
        return

    version = _version([path, *words[1:]])
    if version is None:
        yield Check(
            "claude CLI",
            "warning",
            f"{path} did not say its version",
            f"try it by hand: {path} --version",
        )
    else:
        yield Check("claude CLI", "ok", f"{version} ({path})")

    if os.geteuid() == 0 and _SKIP in settings.claude_flags and not _sandboxed():
        yield Check(
            "claude as root",
            "warning",
            f"it refuses {_SKIP} for root",
            "set IS_SANDBOX=1 if this is a sandbox, or run as another user",
        )


def _sandboxed() -> bool:
    return os.environ.get("IS_SANDBOX", "") not in {"", "0"}


def _version(words: list[str]) -> str | None:
    """Ask it; None when it does not answer in time, or not well."""
    try:
        process = subprocess.Popen(
            [*words, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return None

    try:
        said, _ = process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        return None
    finally:
        # Not waited for yet, so the number of its group is still its own.
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

            process.communicate()

    lines = said.decode(errors="replace").split("\n")
    return lines[0].strip() or None if process.returncode == 0 else None
