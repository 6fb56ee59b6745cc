"""A fresh registry for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry in an empty workspace."""
    with Registry.open(tmp_path / "workspace") as registry:
        yield registry
