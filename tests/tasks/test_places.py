"""Where a task has its files: the room on its disk is known, whatever has been deleted there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import LaunchError
from orchestrator.tasks import places

if TYPE_CHECKING:
    from pathlib import Path


def test_the_folder_of_a_task_may_have_been_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places.check_free_space(tmp_path / "deleted" / "logs")
    monkeypatch.setattr(places, "FREE_BYTES_NEEDED", 2**62)
    with pytest.raises(LaunchError, match="MB are free on the disk of"):
        places.check_free_space(tmp_path / "deleted" / "logs")
