"""Looking at many agents: within bounds, and not more often than is of use."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest

from orchestrator import AgentSpec, OrchestratorError, open_orchestrator
from orchestrator.process import tree
from orchestrator.providers import CommandProvider, Invocation
from orchestrator.supervision.activity import APART_MIN
from orchestrator.supervision.observer import Observer
from tests.support.agents import QUICK
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from orchestrator import AgentRecord, ProviderResult, Supervisor
    from orchestrator.model.activity import OpenToolCall

pytestmark = pytest.mark.skipif(not tree.HAS_PROC, reason="processes are looked at in /proc")

LONG = 30.0
SLEEP = AgentSpec(argv=("sleep", "45"), stop=QUICK)


class Slow:
    """A provider that takes its time to read tool calls: until it is let go, or for a while."""

    name = "command"
    stop = QUICK

    def __init__(self) -> None:
        self.seconds = LONG
        self.go = threading.Event()
        self.asked = 0

    def invocation(self, spec: AgentSpec, mcp_config: Path | None) -> Invocation:  # noqa: ARG002  the protocol's
        return Invocation(argv=spec.argv)

    def read_result(self, stdout: Path) -> ProviderResult | None:  # noqa: ARG002  the protocol's
        return None

    def open_tool_calls(self, stdout: Path) -> tuple[OpenToolCall, ...]:  # noqa: ARG002  the protocol's
        self.asked += 1
        self.go.wait(self.seconds)
        return ()


@pytest.fixture
async def slow(nobody_below: None, tmp_path: Path) -> AsyncGenerator[tuple[Slow, Supervisor]]:
    """An orchestrator whose agents are slow to be looked at."""
    provider = Slow()
    async with open_orchestrator(
        tmp_path / "workspace", providers={"command": provider}
    ) as orchestrator:
        yield provider, orchestrator
        provider.go.set()


async def launch(orchestrator: Supervisor, count: int) -> list[AgentRecord]:
    return [(await orchestrator.launch(SLEEP)).record for _ in range(count)]


async def test_every_agent_that_is_asked_for_is_looked_at(orchestrator: Supervisor) -> None:
    records = await launch(orchestrator, 5)
    observer = Observer({"command": CommandProvider()}, at_most=LONG, patience=LONG)

    seen = await observer.look(records)

    assert seen.keys() == {record.id for record in records}
    assert all(one.process_count == 1 for one in seen.values())
    assert await observer.look([]) == {}


async def test_a_look_serves_whoever_asks_soon_after_unless_the_state_has_changed(
    orchestrator: Supervisor,
) -> None:
    agent = await orchestrator.launch(SLEEP)
    observer = Observer({"command": CommandProvider()}, fresh=LONG, patience=LONG)
    first = await observer.look_at(agent.record)
    assert await observer.look_at(agent.record) is first

    await agent.stop()

    ended = await observer.look_at(agent.record)
    assert ended.verdict == "ended"


async def test_the_next_look_is_put_beside_the_former_one(orchestrator: Supervisor) -> None:
    agent = await orchestrator.launch(SLEEP)
    observer = Observer({"command": CommandProvider()}, fresh=0, patience=LONG)
    first = await observer.look_at(agent.record)
    assert first.cpu_share is None

    with anyio.fail_after(LONG):
        while (second := await observer.look_at(agent.record)) is first:
            await anyio.lowlevel.checkpoint()

    assert second.at > first.at
    assert second.cpu_share is not None


async def test_who_was_left_out_for_lack_of_time_comes_first_the_next_time(
    slow: tuple[Slow, Supervisor],
) -> None:
    provider, orchestrator = slow
    provider.seconds = 0.5
    records = await launch(orchestrator, 2)
    observer = Observer({"command": provider}, fresh=0, at_most=0.4, patience=LONG)

    def measured() -> set[str]:
        return {name for name, one in seen.items() if one.process_count is not None}

    seen = await observer.look(records)
    first = measured()
    assert len(first) == 1
    assert all(one.verdict == "unknown" for name, one in seen.items() if name not in first)

    looked_at = time.monotonic()
    await until(lambda: time.monotonic() - looked_at > APART_MIN)
    seen = await observer.look(records)
    assert len(measured()) == 1
    assert measured().isdisjoint(first)


async def test_a_file_system_that_hangs_costs_one_thread_and_one_answer(
    slow: tuple[Slow, Supervisor],
) -> None:
    provider, orchestrator = slow
    (record,) = await launch(orchestrator, 1)
    observer = Observer({"command": provider}, patience=0.2)

    with pytest.raises(OrchestratorError, match="could not be looked at"):
        await observer.look_at(record)

    assert await observer.look([record]) == {}
    assert provider.asked == 1

    provider.go.set()
    patient = Observer({"command": provider}, patience=LONG)
    assert (await patient.look_at(record)).process_count == 1

    # The thread that hung is free again.
    with anyio.fail_after(LONG):
        while not await observer.look([record]):
            pass
