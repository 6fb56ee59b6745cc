"""R5: the wall clock jumps by hours, and no limit and no grace ends early or late."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest

from orchestrator import Limits, StopPolicy
from orchestrator.model import AgentRecord
from orchestrator.process import kernel, tree
from orchestrator.registry import Registry
from tests.support.agents import PATIENT
from tests.support.durable import durable, outcome_of, wait_outcome
from tests.support.evidence import ask_until
from tests.support.liveness import Liveness, open_liveness
from tests.support.orchestrators import ChildOrchestrator, open_child
from tests.support.waiting import until, wait_nobody_below

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

SOURCE: Final = Path(__file__).with_name("clock_shim.c")
COMPILER: Final = shutil.which("gcc") or shutil.which("cc")

pytestmark = [
    pytest.mark.skipif(COMPILER is None, reason="a C compiler makes what shifts the clock"),
    pytest.mark.skipif(not tree.HAS_PROC, reason="LD_PRELOAD is Linux's"),
]

HOURS: Final = 5 * 3600
AN_HOUR: Final = Limits(wall_clock=3600, idle=3600)


class Clock:
    """The wall clock of the processes that have its variables."""

    def __init__(self, folder: Path) -> None:
        assert COMPILER is not None
        library, self._file = folder / "shim.so", folder / "shift"
        command = [COMPILER, "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
        subprocess.run(command, check=True)
        self.env = {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(self._file)}
        self.jump_to(0)

    def jump_to(self, seconds: int) -> None:
        """Let it differ by so many seconds from now on."""
        draft = self._file.with_name("draft")
        draft.write_text(str(seconds))
        draft.replace(self._file)


@pytest.fixture
async def liveness(anyio_backend: str) -> AsyncGenerator[Liveness]:
    """Where agents say hello; in the end nobody may be left below this process."""
    kernel.become_subreaper()
    before = tree.children(os.getpid())
    async with open_liveness() as liveness:
        yield liveness

    await wait_nobody_below(before)


async def launch(child: ChildOrchestrator, *habit: str, **more: Any) -> AgentRecord:
    """Launch a durable agent."""
    return AgentRecord.model_validate(await child.launch(durable(*habit, **more)))


@pytest.mark.parametrize(("anyio_backend", "jump"), [("asyncio", HOURS), ("trio", -HOURS)])
async def test_no_limit_and_no_grace_ends_early_or_late(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, jump: int
) -> None:
    clock = Clock(tmp_path)
    workspace, work = tmp_path / "workspace", tmp_path / "work"
    graces = StopPolicy(term_grace=3.0, kill_limit=5.0)
    with anyio.fail_after(60):
        async with open_child(workspace, anyio_backend, env=clock.env) as child:
            steady = await launch(
                child, "waits", liveness=liveness, limits=AN_HOUR, orphan_limit=3600
            )
            orphan = await launch(child, "waits", liveness=liveness, orphan_limit=0.5)
            saving = await launch(
                child, "saves_its_work", str(work), "2.5", liveness=liveness, stop=PATIENT
            )
            stubborn = await launch(child, "ignores_signals", liveness=liveness, stop=graces)
            await liveness.wait_here("leader", times=4)
            short = await launch(child, "waits", liveness=liveness, limits=Limits(wall_clock=0.8))
            stopping = [saving.id, stubborn.id]
            await child.order("stop_all", ids=stopping, reason="enough")
            with Registry.open(workspace) as registry:
                await until(
                    lambda: (
                        {registry.agents.get(each).state.kind for each in stopping} == {"stopping"}
                    )
                )

            # Two are being stopped, a limit is running, and nobody has ended.
            clock.jump_to(jump)
            assert await child.hear() == {"stopped": 2}
            assert work.read_text() == "saved"
            outcome = outcome_of(await record(child, saving))
            assert outcome.receipt is not None
            assert outcome.receipt.killed == ()
            # They saw the clock jump.
            assert abs(outcome.exited_at.timestamp() - time.time()) > HOURS / 2
            outcome = outcome_of(await record(child, stubborn))
            assert outcome.receipt is not None
            assert [note.pid for note in outcome.receipt.killed] == [stubborn.pid]
            assert (await wait_outcome(short))["limit"] == "wall_clock"

            # Without an orchestrator the same holds.
            child.signal(signal.SIGKILL)
            await child.wait()
            clock.jump_to(0)
            assert (await wait_outcome(orphan))["limit"] == "orphaned"

        async with open_child(workspace, anyio_backend, env=clock.env) as child:
            own = {"own": [steady.id]}

            async def adopted() -> bool:
                return await child.ask("own") == own

            await ask_until(adopted, "it is adopted")
            assert (await record(child, steady)).state == steady.state
            clock.jump_to(jump)
            launched = await launch(child, "waits", liveness=liveness)
            await child.ask("freeze", id=steady.id)
            await child.ask("stop_all", ids=[steady.id, launched.id], reason="enough")

        await liveness.wait_gone()


async def record(child: ChildOrchestrator, agent: AgentRecord) -> AgentRecord:
    """What is known of an agent now."""
    return AgentRecord.model_validate(await child.ask("get", id=agent.id))
