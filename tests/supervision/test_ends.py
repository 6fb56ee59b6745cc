"""How agents end by themselves, and that it is known (rows A1, A2, A7, A8)."""

from __future__ import annotations

import os
import select
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator import ExitedWithCode, KilledBySignal, StopPolicy
from tests.support.agents import QUICK, spec

if TYPE_CHECKING:
    from collections.abc import Generator

    from orchestrator import Supervisor
    from tests.support.liveness import Liveness


@pytest.mark.parametrize("code", [0, 1, 2, 126, 127, 128, 137, 255])
async def test_a1_an_exit_code_is_recorded_as_it_is(orchestrator: Supervisor, code: int) -> None:
    with anyio.fail_after(10):
        agent = await orchestrator.launch(spec("ends", "code", str(code)))
        outcome = await agent.wait()

    assert outcome.exit == ExitedWithCode(code=code)
    assert outcome.verdict == ("completed" if code == 0 else "failed")
    assert outcome.receipt is None
    assert orchestrator.registry.agents.get(agent.id) == agent.record


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGUSR1])
async def test_a1_a_deadly_signal_is_recorded_as_it_is(
    orchestrator: Supervisor, number: signal.Signals
) -> None:
    with anyio.fail_after(10):
        agent = await orchestrator.launch(spec("ends", "signal", str(int(number))))
        outcome = await agent.wait()

    assert outcome.exit == KilledBySignal(signal=number)
    assert outcome.verdict == "failed"


async def test_a1_what_an_agent_leaves_behind_is_swept_and_listed(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    with anyio.fail_after(10):
        agent = await orchestrator.launch(spec("starts_daemon", "ends", liveness=liveness))
        outcome = await agent.wait()
        await liveness.wait_here("leader", "daemon")
        await liveness.wait_gone()

    daemon = liveness.pid("daemon")
    assert outcome.exit == ExitedWithCode(code=0)
    assert outcome.verdict == "completed"
    assert [note.pid for note in outcome.left_behind] == [daemon]
    assert outcome.receipt is not None
    assert [note.pid for note in outcome.receipt.escapees] == [daemon]
    assert outcome.receipt.survivors == ()


async def test_a1_what_follows_its_agent_by_itself_is_not_signalled(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    slow = spec("leaves_its_stdout_held", liveness=liveness)
    slow = slow.model_copy(update={"stop": StopPolicy(linger=30.0)})
    with anyio.fail_after(10):
        agent = await orchestrator.launch(slow)
        await agent.wait_exited()
        await liveness.wait_here("holder")
        # The test ends it in the linger, as if it had ended by itself.
        os.kill(liveness.pid("holder"), signal.SIGKILL)
        outcome = await agent.wait()

    assert [note.pid for note in outcome.left_behind] == [liveness.pid("holder")]
    assert outcome.receipt is None


async def test_a2_an_agent_that_ends_at_once_is_registered_with_outcome_and_output(
    orchestrator: Supervisor,
) -> None:
    with anyio.fail_after(20):
        for number in range(20):
            quick = spec("ends").model_copy(update={"argv": ("/bin/echo", f"done {number}")})
            agent = await orchestrator.launch(quick)
            outcome = await agent.wait()
            assert outcome.exit == ExitedWithCode(code=0)
            assert agent.stdout.read_text() == f"done {number}\n"

    assert len(orchestrator.registry.agents.find(live=False)) == 20


async def test_a8_an_agent_that_closed_its_stdio_runs_until_the_kernel_says_it_ended(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    with anyio.fail_after(10):
        agent = await orchestrator.launch(spec("closes_its_stdio", liveness=liveness))
        await liveness.wait_here("leader")
        assert agent.record.state.kind == "running"
        assert agent.pid is not None
        os.kill(agent.pid, signal.SIGUSR1)
        outcome = await agent.wait()

    assert outcome.exit == ExitedWithCode(code=5)


async def test_a8_an_end_is_seen_while_a_grandchild_holds_the_output_open(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    held = spec("leaves_its_stdout_held", liveness=liveness)
    held = held.model_copy(update={"stop": QUICK.model_copy(update={"linger": 20.0})})
    with anyio.fail_after(10):
        agent = await orchestrator.launch(held)
        await agent.wait_exited()
        await liveness.wait_here("leader", "holder")
        await liveness.wait_gone("leader")
        assert [guest.word for guest in liveness.here()] == ["holder"]
        state = orchestrator.registry.agents.get(agent.id).state
        assert state.kind == "stopping"
        assert state.exit == ExitedWithCode(code=6)
        assert not state.requested
        outcome = await agent.stop("enough")
        await liveness.wait_gone()

    assert outcome.exit == ExitedWithCode(code=6)
    assert outcome.verdict == "failed"
    assert outcome.receipt is not None
    assert [note.pid for note in outcome.receipt.killed] == [liveness.pid("holder")]


@pytest.mark.parametrize(
    ("kind", "size", "last"),
    [
        ("line", (50 << 20) + 1, b"x\n"),
        ("bytes", 256 * 64 + 3, b"\xff\xfe\n"),
        ("half", 28, b'"text": "'),
        ("lines", 100 << 20, b"y\n"),
    ],
)
async def test_a7_an_agent_writes_what_it_likes_and_never_blocks(
    orchestrator: Supervisor, kind: str, size: int, last: bytes
) -> None:
    before = _resident()
    with anyio.fail_after(30):
        agent = await orchestrator.launch(spec("writes_much", kind))
        outcome = await agent.wait()

    assert outcome.exit == ExitedWithCode(code=0)
    assert agent.stdout.stat().st_size == size
    with agent.stdout.open("rb") as output:
        output.seek(-len(last), os.SEEK_END)
        assert output.read() == last

    agent.stdout.unlink()
    assert _resident() - before < 10 << 20, "its output went through the orchestrator's memory"


async def test_a7_an_agent_whose_orchestrator_is_stuck_writes_on(orchestrator: Supervisor) -> None:
    with anyio.fail_after(40):
        agent = await orchestrator.launch(spec("writes_much", "line"))
        assert agent.pid is not None
        with _end_of(agent.pid) as end:
            # Blocks the event loop on purpose: nobody reads, nobody answers.
            ended, _, _ = select.select([end], [], [], 30.0)

        assert ended
        assert agent.stdout.stat().st_size == (50 << 20) + 1
        await agent.wait()

    agent.stdout.unlink()


@contextmanager
def _end_of(pid: int) -> Generator[int]:
    """A descriptor that can be read once this process has ended."""
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as file:  # noqa: PTH123  one look at one line
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
