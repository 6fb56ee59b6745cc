"""What the tests of the MCP front end share."""

from __future__ import annotations

import pytest

from .fakes import FakeTasks


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tasks() -> FakeTasks:
    return FakeTasks()
