"""Each fault in a world of its own; at the end nobody may be left in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.mcp_server import World, open_world

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    """What the server runs on."""
    return str(request.param)


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    """The surroundings of a server."""
    with open_world(tmp_path) as made:
        yield made
        made.roster.wait_nobody()
