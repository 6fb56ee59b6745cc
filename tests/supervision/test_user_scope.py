"""Agents in a scope of the user's own systemd: who leaves every session is frozen, and gone (A6).

The systemd is real. `.ci/machine` boots a virtual machine that has one, for machines that do not.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import pytest

from orchestrator import Settings, open_orchestrator
from orchestrator.model import Exited, Frozen, Running
from orchestrator.process import cgroup_base, scope
from orchestrator.process.cgroup import AgentGroup
from orchestrator.process.kernel_files import read_file
from tests.support.agents import QUICK, spec
from tests.support.cgroups import there
from tests.support.waiting import until

if TYPE_CHECKING:
    from orchestrator import Agent
    from tests.support.liveness import Liveness

#: A test that leaves a process fails.
pytestmark = pytest.mark.usefixtures("nobody_below", "given")

#: Seconds that one test may take: emulated processors are 20 times slower.
_LIMIT: Final = 100

#: A keeper on emulated processors is not overruled before it has ended a hundred processes.
_SLOW: Final = QUICK.model_copy(update={"kill_limit": 60.0})


@pytest.fixture(scope="module")
def given() -> None:
    """Skip where no user manager gives a scope, or where none is needed."""
    if scope.own_group_is_writable():
        pytest.skip("this process may divide its own control group, so no scope is asked for")

    if not scope.scope_command():
        pytest.skip("no user manager of systemd answers here")


def _group(agent: Agent) -> AgentGroup:
    state = agent.record.state
    assert isinstance(state, Running | Frozen), state
    assert state.cgroup is not None
    return AgentGroup(state.cgroup)


def test_the_scope_offers_all_that_the_kernel_does() -> None:
    offer = scope.probe()
    assert offer.why is None
    assert offer.scope
    assert offer.kill
    assert offer.freeze
    assert offer.memory
    own = cgroup_base.own_group()
    assert own is not None
    assert not os.access(own, os.W_OK), "it was needed"
    assert f"/user@{os.getuid()}.service/" in (offer.path or "")


async def test_a6_whoever_forks_with_setsid_for_ever_is_frozen_and_gone_with_its_scope(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    settings = Settings.read({"ORCHESTRATOR_CGROUPS": "auto"}, workspace=tmp_path)
    with anyio.fail_after(_LIMIT):
        async with open_orchestrator(settings=settings) as orchestrator:
            agent = await orchestrator.launch(
                spec("forks_with_setsid", liveness=liveness).model_copy(update={"stop": _SLOW})
            )
            group = _group(agent)
            unit = Path(group.path).parents[1]
            assert unit.suffix == ".scope"
            assert f"/user@{os.getuid()}.service/" in group.path
            await liveness.wait_here("leader", "forking")
            await agent.freeze()
            assert b"frozen 1" in read_file(f"{group.path}/cgroup.events")
            standing = set(group.members())
            assert {guest.pid for guest in liveness.here()} <= standing
            assert len(standing) > 1, "the bomb is in it, too"
            assert set(group.members()) == standing, "nobody forks"
            await agent.thaw()
            outcome = await agent.stop("enough")
            await liveness.wait_gone()
            assert outcome.receipt is not None
            assert outcome.receipt.survivors == ()
            assert isinstance(agent.record.state, Exited)
            assert not there(group.path)

        await until(lambda: not there(str(unit)), seconds=_LIMIT)
