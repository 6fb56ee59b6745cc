"""What tests of processes get: a listener for their agents, and a last look."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from orchestrator.process import kernel, tree
from tests.support.liveness import Liveness, open_liveness
from tests.support.waiting import wait_nobody_below

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@pytest.fixture
async def nobody_below(anyio_backend: str) -> AsyncGenerator[None]:
    """Fail a test that leaves a process: as a subreaper, pytest gets whatever escapes."""
    kernel.become_subreaper()
    before = tree.children(os.getpid())
    yield
    await wait_nobody_below(before)


@pytest.fixture
async def liveness(nobody_below: None) -> AsyncGenerator[Liveness]:
    """Where agents say hello."""
    async with open_liveness() as liveness:
        yield liveness
