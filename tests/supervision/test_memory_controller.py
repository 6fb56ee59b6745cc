"""A limit of memory that the kernel enforces: all of the agent ends at the first byte beyond (A10).

It takes a cgroup v2 with the memory controller. `.ci/machine` boots a virtual machine that has one,
for machines that do not.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import pytest

from orchestrator import Settings, open_orchestrator
from orchestrator.frontends.cli.words import ending
from orchestrator.model import KilledBySignal, Limits, Running
from orchestrator.process import scope
from tests.support.agents import PATIENT, spec
from tests.support.cgroups import there

if TYPE_CHECKING:
    from tests.support.liveness import Liveness

#: A test that leaves a process fails.
pytestmark = pytest.mark.usefixtures("nobody_below", "enforced")

#: Seconds that one test may take: emulated processors are 20 times slower.
_LIMIT: Final = 100

_MB: Final = 1 << 20
_ALLOWED: Final = 160 * _MB


@pytest.fixture(scope="module")
def enforced() -> None:
    """Skip where the kernel does not limit the memory of agents."""
    if not scope.probe().memory:
        pytest.skip("the kernel limits no agent's memory here: see `orchestrator doctor`")


async def test_a10_an_agent_beyond_its_memory_is_ended_by_the_kernel_and_its_outcome_says_so(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    settings = Settings.read({"ORCHESTRATOR_CGROUPS": "auto"}, workspace=tmp_path)
    # It would have 20 seconds to end by itself, had the keeper been the one that stops it.
    greedy = spec("holds_memory", "alone", "100", liveness=liveness).model_copy(
        update={"limits": Limits(memory=_ALLOWED), "stop": PATIENT}
    )
    modest = spec("has_children", liveness=liveness)
    with anyio.fail_after(_LIMIT):
        async with open_orchestrator(settings=settings) as orchestrator:
            other = await orchestrator.launch(modest)
            await liveness.wait_here("leader", "child", "session", "group")
            agent = await orchestrator.launch(greedy)
            await liveness.wait_here("holder")
            assert isinstance(agent.record.state, Running)
            group = Path(agent.record.state.cgroup or "")
            assert int((group / "memory.max").read_text()) == _ALLOWED
            assert (group / "memory.oom.group").read_text() == "1\n"
            # The holder is in a session of its own; at this it takes as much again.
            os.kill(liveness.pid("holder"), signal.SIGUSR1)
            outcome = await agent.wait()
            await liveness.wait_gone("holder")
            assert len(liveness.here()) == 4, "only the other agent's are left"
            assert other.record.state.kind == "running"

    # The leader took nothing itself, and went along.
    assert outcome.exit == KilledBySignal(signal=signal.SIGKILL)
    assert outcome.verdict == "terminated", "as by a limit that its keeper watches"
    assert outcome.limit == "memory"
    assert outcome.receipt is not None
    assert outcome.receipt.reason == "limit reached: memory 160.0 MB; the kernel ended it"
    assert outcome.receipt.signalled == (), "the kernel left nobody to be signalled"
    assert ending(agent.record) == f"SIGKILL ({outcome.receipt.reason})"
    assert not there(str(group))
