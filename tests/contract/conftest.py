"""One server of each backend for all tests of the contract; most bring a task of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.mcp_server import World, open_world

from .clients import Contract, open_client

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from pathlib import Path


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run the client on one backend: it is the server that runs on both."""
    return "asyncio"


@pytest.fixture(scope="session", params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    """What the server runs on."""
    return str(request.param)


@pytest.fixture(scope="session")
async def server(
    backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Contract]:
    """The server that tests share."""
    with open_world(tmp_path_factory.mktemp(f"world-{backend}")) as world:
        async with open_client(world, backend) as client:
            yield client

        world.roster.wait_nobody()


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    """The surroundings for a server of a test's own."""
    with open_world(tmp_path) as made:
        yield made
        made.roster.wait_nobody()
