"""Three hundred agents in one run leave nothing: no descriptor, no thread, no zombie, no child."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, NamedTuple

import anyio

from orchestrator import AgentSpec
from orchestrator.process import tree
from tests.support.waiting import until

if TYPE_CHECKING:
    from orchestrator import Supervisor
    from orchestrator.process.tree import Proc


class Holdings(NamedTuple):
    """How much this process holds."""

    descriptors: int
    threads: int
    children: int
    below: int
    zombies: int

    def no_more_than(self, other: Holdings) -> bool:
        """Whether there is nothing here of which the other has less."""
        return all(mine <= theirs for mine, theirs in zip(self, other, strict=True))


def _holdings() -> Holdings:
    me = os.getpid()
    below = [proc for proc in tree.everyone() if _is_below(proc, me)]
    return Holdings(
        descriptors=len(os.listdir("/proc/self/fd")),  # noqa: PTH208  a count is all that it is for
        threads=threading.active_count(),
        children=len(tree.children(me)),
        below=len(below),
        zombies=sum(proc.ended for proc in below),
    )


def _is_below(proc: Proc, root: int) -> bool:
    """Whether it descends from this process, as a zombie or alive."""
    seen: Proc | None = proc
    while seen is not None and seen.ppid not in {0, root}:
        seen = tree.read(seen.ppid)

    return seen is not None and seen.ppid == root


async def test_300_launches_and_stops_leave_what_was_there_before(
    orchestrator: Supervisor,
) -> None:
    async def live_and_end(*, stop: bool) -> None:
        command = ("/bin/sleep", "60") if stop else ("/bin/true",)
        async with at_once:
            agent = await orchestrator.launch(AgentSpec(argv=command))
            outcome = await (agent.stop() if stop else agent.wait())

        assert outcome.verdict == ("terminated" if stop else "completed")

    at_once = anyio.CapacityLimiter(50)
    # As a subreaper, pytest may hold ended processes of other tests.
    others = _holdings().zombies
    with anyio.fail_after(60):
        # The first one opens what stays open: the loop's, the registry's.
        await live_and_end(stop=True)
        await until(lambda: _holdings().zombies <= others)
        before = _holdings()
        async with anyio.create_task_group() as group:
            for number in range(300):
                group.start_soon(lambda stop: live_and_end(stop=stop), number % 2 == 0)

        await until(lambda: _holdings().no_more_than(before))

    records = orchestrator.registry.agents.find()
    assert len(records) == 301
    assert all(record.state.kind == "exited" for record in records)


async def test_300_launches_at_the_same_moment_all_start(orchestrator: Supervisor) -> None:
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for _ in range(300):
                group.start_soon(orchestrator.launch, AgentSpec(argv=("/bin/true",)))

        await until(lambda: not orchestrator.agents, seconds=30)

    records = orchestrator.registry.agents.find()
    assert len(records) == 300
    assert all(record.state.kind == "exited" for record in records)
