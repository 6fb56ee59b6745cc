"""Where agents find their server: a private folder, or a reason that says what to do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from orchestrator import InvalidInputError
from orchestrator.supervision import open_surroundings

#: A folder that takes no other, whoever asks.
NO_ROOM = "/proc"


def writable(*_asked: object) -> bool:
    return True


def test_a_runtime_directory_that_takes_no_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", NO_ROOM)
    monkeypatch.setattr(os, "access", writable)
    with pytest.raises(InvalidInputError, match=f"in {NO_ROOM}: .*; set XDG_RUNTIME_DIR"):
        open_surroundings().__enter__()


def test_a_server_says_so_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "orchestrator", "mcp"],
        env={**os.environ, "XDG_RUNTIME_DIR": NO_ROOM, "TMPDIR": NO_ROOM},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # Only root is told by the kernel that it may write there.
    if os.access(NO_ROOM, os.W_OK):
        assert done.returncode == 2
        assert done.stderr.startswith("orchestrator: Cannot make a folder")
        assert done.stderr.count("\n") == 1
    else:
        assert done.returncode == 0
