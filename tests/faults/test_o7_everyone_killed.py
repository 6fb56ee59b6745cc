"""O7: whoever of orchestrator, nursery and keepers is killed, the others finish the job.

Who may be there until the next start, and nobody else: of agents whose keeper and nursery were
killed, while no orchestrator was left to sweep, what they had started. The kernel ends the agents
themselves. What has emptied its environment is found by the next start too, but only where it can
be in a control group; elsewhere it stays.
"""

from __future__ import annotations

import os
import signal
from itertools import combinations, cycle
from typing import TYPE_CHECKING, Final

import anyio
import pytest

from orchestrator import open_orchestrator
from orchestrator.model import AgentRecord, Exited, Lost, Running
from orchestrator.process import kernel, tree
from orchestrator.process.overrule import wake_nurseries
from orchestrator.registry import Registry
from tests.support.durable import LONG, durable, keeper_of, wait_adopted, wait_recorded
from tests.support.liveness import Liveness, open_liveness
from tests.support.orchestrators import ChildOrchestrator, open_child
from tests.support.signals import kill_at_once
from tests.support.waiting import until, wait_nobody_below

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

PARTIES: Final = ("orchestrator", "nursery", "keepers")
FAMILY: Final = ("leader", "child", "session", "daemon", "naked")


SUBSETS: Final = [subset for size in (1, 2, 3) for subset in combinations(PARTIES, size)]
BACKENDS: Final = cycle(("asyncio", "trio"))

#: Every subset with and without control groups, on the backends in turn.
ALL: Final = [
    pytest.param(next(BACKENDS), cgroups, subset, id=f"{'+'.join(subset)}-{cgroups}")
    for cgroups in ("auto", "never")
    for subset in SUBSETS
]


@pytest.fixture
async def liveness(anyio_backend: str) -> AsyncGenerator[Liveness]:
    """Where agents say hello; in the end nobody may be left below this process."""
    kernel.become_subreaper()
    before = tree.children(os.getpid())
    async with open_liveness() as liveness:
        yield liveness

    await wait_nobody_below(before)


async def launch(child: ChildOrchestrator, liveness: Liveness, *, lives_on: bool) -> AgentRecord:
    """Launch an agent with a whole household."""
    asked = durable("has_household", liveness=liveness, durable=lives_on)
    return AgentRecord.model_validate(await child.launch(asked))


async def wait_lost(workspace: Path, *records: AgentRecord) -> None:
    """Wait until it is on record that these have ended: in an end, that is left to the next."""
    with Registry.open(workspace) as registry:
        await until(
            lambda: not any(registry.agents.get(each.id).live for each in records), seconds=LONG
        )


def swept(record: AgentRecord) -> set[int]:
    """Who was found of an agent that is lost."""
    assert isinstance(record.state, Lost), record.state
    return {note.pid for note in record.state.swept}


class Scene:
    """What is there after the kill, and who may be.

    Attributes:
        left: What nobody finds: what has emptied its environment, without a control group, when
            it has neither keeper nor nursery.
    """

    def __init__(self, liveness: Liveness, killed: tuple[str, ...], *, grouped: bool) -> None:
        self._liveness = liveness
        self._killed = set(killed)
        unseen = {"nursery", "keepers"} <= self._killed and not grouped
        self.left = ["naked", "naked"] if unseen else []

    def here(self) -> list[str]:
        """Who is there."""
        return sorted(guest.word for guest in self._liveness.here())

    async def wait(self, *families: tuple[str, ...]) -> None:
        """Wait until these are there, and nobody else."""
        wanted = sorted(word for family in families for word in family)
        await until(lambda: self.here() == wanted, seconds=LONG)

    async def wait_before_next_start(self) -> None:
        """Wait until only those are there who may be until the next start."""
        if self._killed == set(PARTIES):
            await self.wait(FAMILY[1:], FAMILY[1:])
        elif "keepers" in self._killed:
            await self.wait(tuple(self.left))
        elif "orchestrator" in self._killed:
            await self.wait(FAMILY)
        else:
            await self.wait(FAMILY, FAMILY)

    def is_naked(self) -> bool:
        """Whether nobody finds the naked ones by their environment: they say hello before that."""
        naked = [guest.pid for guest in self._liveness.guests if guest.word == "naked"]
        return not any(tree.environment(pid) for pid in naked)

    def found(self) -> set[int]:
        """Whom a sweep finds; the kernel has ended the leaders, and nobody is left of the rest."""
        words = set(FAMILY[1:]) - set(self.left)
        return {guest.pid for guest in self._liveness.guests if guest.word in words}

    def kill_left(self) -> None:
        """End whoever is left."""
        for guest in self._liveness.here():
            os.kill(guest.pid, signal.SIGKILL)


@pytest.mark.parametrize(("anyio_backend", "cgroups", "killed"), ALL)
async def test_whoever_is_killed_bound_agents_are_gone_and_durable_ones_go_on_if_they_can(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, cgroups: str, killed: tuple[str, ...]
) -> None:
    env = {"ORCHESTRATOR_CGROUPS": cgroups}
    with anyio.fail_after(40):
        async with open_child(tmp_path, anyio_backend, env=env) as child:
            bound = await launch(child, liveness, lives_on=False)
            lasting = await launch(child, liveness, lives_on=True)
            await liveness.wait_here(*FAMILY, times=2)
            assert isinstance(lasting.state, Running)
            scene = Scene(liveness, killed, grouped=lasting.state.cgroup is not None)
            pids = {
                "orchestrator": [child.pid],
                "nursery": [child.nursery],
                "keepers": [keeper_of(bound).pid, keeper_of(lasting).pid],
            }
            await until(scene.is_naked)
            kill_at_once([pid for party in killed for pid in pids[party]])
            await scene.wait_before_next_start()
            if "orchestrator" not in killed:
                if "keepers" in killed:
                    await wait_lost(tmp_path, bound, lasting)

                await child.close_input()
                await child.wait()

        async with open_orchestrator(tmp_path) as orchestrator:
            ended = await wait_recorded(orchestrator, bound.id)
            if "keepers" in killed:
                lost = await wait_recorded(orchestrator, lasting.id)
                # What a nursery sweeps that has no orchestrator any more is noted nowhere.
                if killed != ("orchestrator", "keepers"):
                    assert scene.found() <= swept(ended) | swept(lost)
            else:
                assert ended.state.kind == "exited"
                agent = await wait_adopted(orchestrator, lasting.id)
                assert agent.record.state == lasting.state
                await scene.wait(FAMILY)
                await agent.stop("enough")

        await scene.wait(tuple(scene.left))
        scene.kill_left()


async def test_an_agent_whose_keeper_stands_still_is_stopped_though_its_nursery_is_gone(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(40):
        async with open_child(tmp_path, anyio_backend) as child:
            bound = await launch(child, liveness, lives_on=False)
            await liveness.wait_here(*FAMILY)
            os.kill(child.nursery, signal.SIGKILL)
            keeper = tree.read(keeper_of(bound).pid)
            assert keeper is not None
            os.kill(keeper.pid, signal.SIGSTOP)
            await until(lambda: (now := tree.read(keeper.pid)) is None or now.state == "T")
            await child.close_input()
            await child.wait()
            await liveness.wait_gone()

        async with open_orchestrator(tmp_path) as orchestrator:
            record = await wait_recorded(orchestrator, bound.id)

    assert isinstance(record.state, Exited)
    assert record.state.outcome.verdict == "terminated"


async def test_a_nursery_that_stands_still_leaves_at_the_next_start(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    """Its keeper would have let it go on, but is killed too."""
    with anyio.fail_after(40):
        async with open_child(tmp_path, anyio_backend) as child:
            bound = await launch(child, liveness, lives_on=False)
            await liveness.wait_here(*FAMILY)
            nursery = child.nursery
            os.kill(nursery, signal.SIGSTOP)
            await until(lambda: (now := tree.read(nursery)) is not None and now.state == "T")
            # An orchestrator that saw the end of the keeper would let the nursery go on.
            kill_at_once([keeper_of(bound).pid, child.pid])
            await child.wait()
            another = tmp_path / "another" / "registry"
            another.mkdir(parents=True)
            wake_nurseries(another)
            still = tree.read(nursery)
            assert still is not None, "it could not go"
            assert still.state == "T", "whoever starts elsewhere has no business with it"
            async with open_orchestrator(tmp_path):
                await until(lambda: (now := tree.read(nursery)) is None or now.ended, seconds=LONG)
                await liveness.wait_gone()
