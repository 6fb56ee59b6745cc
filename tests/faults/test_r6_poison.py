"""R6: whatever an agent puts in the place of a file of ours is passed over, at once and later."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator import open_orchestrator
from orchestrator.model import Lost
from tests.support.agents import spec
from tests.support.durable import keeper_of
from tests.support.evidence import wait_until
from tests.support.liveness import Liveness, open_liveness
from tests.support.mcp_server import open_server

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from tests.support.mcp_server import World

OUTCOME = {
    "agent_id": "",
    "requested": False,
    "exit": ["code", 0],
    "started_at": 1e300,
    "exited_at": 1.0,
    "ended_at": 1.0,
    "user_s": 0.0,
    "system_s": 0.0,
    "max_rss_bytes": 0,
    "left_behind": [],
    "receipt": None,
}


def _nested(path: Path) -> None:
    path.write_text("[" * 200_000)


def _of_no_time(path: Path) -> None:
    path.write_text(json.dumps(OUTCOME | {"agent_id": path.parent.name}))


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


@pytest.fixture
async def liveness(anyio_backend: str) -> AsyncGenerator[Liveness]:
    async with open_liveness() as liveness:
        yield liveness


@pytest.mark.parametrize("put", [_nested, _of_no_time, os.mkfifo, os.mkdir, _endless, _huge])
async def test_an_outcome_that_its_agent_wrote_is_passed_over(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, put: Callable[[Path], None]
) -> None:
    with anyio.fail_after(20):
        async with open_orchestrator(tmp_path) as orchestrator:
            other = await orchestrator.launch(spec("waits", liveness=liveness))
            agent = await orchestrator.launch(spec("waits", liveness=liveness))
            put(agent.record.files.outcome)
            os.kill(keeper_of(agent.record).pid, signal.SIGKILL)
            await agent.wait_ended()
            assert isinstance(agent.record.state, Lost)
            assert other.record.live

        async with open_orchestrator(tmp_path) as orchestrator:
            assert isinstance(orchestrator.look_up(agent.id).state, Lost)


def test_a_fifo_in_the_place_of_the_global_registry_holds_nobody(world: World) -> None:
    shown = world.workspace / "registry" / "GLOBAL_REGISTRY.json"
    with open_server(world) as server:
        task = server.create_task()
        wait_until(shown.exists, "the file for others to read")
        shown.unlink()
        os.mkfifo(shown)
        agent = server.deploy(task, "exit=5")
        wait_until(lambda: server.rows(task)[agent]["status"] == "failed", "its end")
        server.end_input()
        assert server.wait() == 0
