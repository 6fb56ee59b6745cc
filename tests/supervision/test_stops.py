"""Whatever an agent does, a stop leaves nobody of it (rows A3, A4, A5, A9), and of it alone."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import anyio

from orchestrator import ExitedWithCode, KilledBySignal, StopPolicy, open_orchestrator
from orchestrator.model import Running
from orchestrator.process import tree
from tests.support.agents import PATIENT, QUICK, spec
from tests.support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator import Supervisor
    from tests.support.liveness import Liveness


async def test_a3_an_agent_that_ignores_sigterm_is_killed_after_the_grace(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    with anyio.fail_after(10):
        agent = await orchestrator.launch(spec("ignores_signals", liveness=liveness))
        await liveness.wait_here("leader")
        outcome = await agent.stop("enough")
        await liveness.wait_gone()

    assert outcome.verdict == "terminated"
    assert outcome.exit == KilledBySignal(signal=signal.SIGKILL)
    receipt = outcome.receipt
    assert receipt is not None
    assert receipt.reason == "enough"
    assert [note.pid for note in receipt.signalled] == [liveness.pid("leader")]
    assert [note.pid for note in receipt.killed] == [liveness.pid("leader")]
    assert receipt.survivors == ()
    assert receipt.duration_ms >= QUICK.term_grace * 1000


async def test_a3_a_kill_skips_every_grace(orchestrator: Supervisor, liveness: Liveness) -> None:
    patient = spec("ignores_signals", liveness=liveness).model_copy(update={"stop": PATIENT})
    with anyio.fail_after(10):
        agent = await orchestrator.launch(patient)
        await liveness.wait_here("leader")
        outcome = await agent.stop("now", kill=True)

    assert outcome.exit == KilledBySignal(signal=signal.SIGKILL)
    assert outcome.receipt is not None
    assert [note.pid for note in outcome.receipt.killed] == [liveness.pid("leader")]


async def test_a3_a_kill_cuts_a_stop_short_that_has_begun(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    patient = spec("ignores_signals", liveness=liveness).model_copy(update={"stop": PATIENT})
    with anyio.fail_after(10):
        agent = await orchestrator.launch(patient)
        await liveness.wait_here("leader")
        agent.ask_to_stop("politely")
        await until(lambda: agent.record.state.kind == "stopping")
        outcome = await agent.stop("now", kill=True)

    assert outcome.receipt is not None
    assert outcome.receipt.reason == "politely", "the first reason counts"
    assert [note.pid for note in outcome.receipt.killed] == [liveness.pid("leader")]


async def test_a3_a_stop_may_bring_other_graces_than_the_launch(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    patient = spec("ignores_signals", liveness=liveness).model_copy(update={"stop": PATIENT})
    with anyio.fail_after(10):
        agent = await orchestrator.launch(patient)
        await liveness.wait_here("leader")
        outcome = await agent.stop("soon", policy=QUICK)

    assert outcome.exit == KilledBySignal(signal=signal.SIGKILL)


async def test_a3_the_polite_signal_goes_to_the_leader_and_ends_it_before_sigterm(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    polite = StopPolicy(polite_signal=signal.SIGUSR1, polite_grace=20.0, term_grace=20.0)
    agent_spec = spec("closes_its_stdio", liveness=liveness).model_copy(update={"stop": polite})
    with anyio.fail_after(10):
        agent = await orchestrator.launch(agent_spec)
        await liveness.wait_here("leader")
        outcome = await agent.stop()

    assert outcome.exit == ExitedWithCode(code=5)
    assert outcome.verdict == "terminated"
    assert outcome.receipt is None or outcome.receipt.killed == ()


async def test_a3_an_agent_that_needs_its_grace_to_save_its_work_gets_it(
    orchestrator: Supervisor, liveness: Liveness, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    saving = spec("saves_its_work", str(work), liveness=liveness)
    with anyio.fail_after(20):
        agent = await orchestrator.launch(saving.model_copy(update={"stop": PATIENT}))
        await liveness.wait_here("leader")
        outcome = await agent.stop()

    assert work.read_text() == "saved"
    assert outcome.exit == ExitedWithCode(code=0)
    assert outcome.verdict == "terminated"
    assert outcome.receipt is not None
    assert outcome.receipt.killed == ()


async def test_a4_children_in_its_group_in_sessions_and_groups_of_their_own_die_with_their_agent(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    patient = spec("has_children", liveness=liveness).model_copy(update={"stop": PATIENT})
    with anyio.fail_after(10):
        agent = await orchestrator.launch(patient)
        await liveness.wait_here("leader", "child", "session", "group")
        outcome = await agent.stop()
        await liveness.wait_gone()

    assert outcome.receipt is not None
    assert {note.pid for note in outcome.receipt.signalled} == {g.pid for g in liveness.guests}
    assert [note.pid for note in outcome.receipt.escapees] == [liveness.pid("session")]
    assert outcome.receipt.killed == ()


async def test_a4_children_that_ignore_sigterm_are_killed_when_their_agent_has_gone_politely(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    # Time enough for the leader to end by SIGTERM; the others use up all of it.
    stop = QUICK.model_copy(update={"term_grace": 2.0})
    asked = spec("has_stubborn_children", liveness=liveness).model_copy(update={"stop": stop})
    with anyio.fail_after(20):
        agent = await orchestrator.launch(asked)
        await liveness.wait_here("child", "session")
        outcome = await agent.stop()
        await liveness.wait_gone()

    assert outcome.exit == KilledBySignal(signal=signal.SIGTERM)
    assert outcome.receipt is not None
    assert {note.pid for note in outcome.receipt.killed} == {
        liveness.pid("child"),
        liveness.pid("session"),
    }
    assert outcome.receipt.survivors == ()


async def test_a4_a_double_forked_daemon_dies_with_its_agent(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    with anyio.fail_after(10):
        agent = await orchestrator.launch(spec("starts_daemon", liveness=liveness))
        await liveness.wait_here("leader", "daemon")
        outcome = await agent.stop()
        await liveness.wait_gone()

    assert outcome.receipt is not None
    assert [note.pid for note in outcome.receipt.escapees] == [liveness.pid("daemon")]


async def test_a4_a_daemon_with_an_emptied_environment_dies_with_its_agent(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    with anyio.fail_after(10):
        agent = await orchestrator.launch(spec("starts_daemon", "naked", liveness=liveness))
        await liveness.wait_here("leader", "daemon")
        outcome = await agent.stop()
        await liveness.wait_gone()

    assert outcome.receipt is not None
    assert liveness.pid("daemon") in {note.pid for note in outcome.receipt.escapees}


async def test_a4_no_other_agent_is_touched(orchestrator: Supervisor, liveness: Liveness) -> None:
    with anyio.fail_after(10):
        one = await orchestrator.launch(spec("has_children", liveness=liveness))
        await liveness.wait_here("leader", "child", "session", "group")
        of_one = {guest.pid for guest in liveness.guests}
        await orchestrator.launch(spec("has_children", liveness=liveness))
        await liveness.wait_here("leader", "child", "session", "group", times=2)
        await one.stop()
        await until(lambda: len(liveness.here()) == 4)

    assert not of_one & {guest.pid for guest in liveness.here()}


async def test_a5_an_agent_that_forks_for_ever_in_its_group_is_gone(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    with anyio.fail_after(20):
        agent = await orchestrator.launch(spec("forks_for_ever", liveness=liveness))
        await liveness.wait_here("forking")
        outcome = await agent.stop()
        await liveness.wait_gone()

    assert outcome.exit == KilledBySignal(signal=signal.SIGKILL)
    assert outcome.receipt is not None
    assert outcome.receipt.survivors == ()
    assert len(outcome.receipt.killed) > 1


async def test_a9_an_agent_that_stopped_itself_gets_its_sigterm(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    itself = spec("stops_itself", liveness=liveness).model_copy(update={"stop": PATIENT})
    with anyio.fail_after(10):
        agent = await orchestrator.launch(itself)
        await liveness.wait_here("leader")
        outcome = await agent.stop()
        await liveness.wait_gone()

    assert outcome.exit == ExitedWithCode(code=3)


async def test_a_stop_of_an_agent_that_has_ended_changes_nothing(
    orchestrator: Supervisor,
) -> None:
    with anyio.fail_after(10):
        agent = await orchestrator.launch(spec("ends", "code", "3"))
        outcome = await agent.wait()
        assert await agent.stop("too late") == outcome
        assert await orchestrator.stop(agent.id, reason="too late") == agent.record


async def test_two_stops_at_once_end_in_one_outcome(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    records: list[object] = []

    async def stop(reason: str) -> None:
        records.append(await orchestrator.stop(agent.id, reason=reason))

    with anyio.fail_after(10):
        agent = await orchestrator.launch(spec("waits", liveness=liveness))
        async with anyio.create_task_group() as group:
            group.start_soon(stop, "one")
            group.start_soon(stop, "two")

    assert records == [agent.record, agent.record]


async def test_two_orchestrators_on_one_workspace_stop_each_others_agents(
    tmp_path: Path, liveness: Liveness
) -> None:
    workspace = tmp_path / "workspace"
    with anyio.fail_after(20):
        async with open_orchestrator(workspace) as one, open_orchestrator(workspace) as two:
            of_one = await one.launch(spec("has_children", liveness=liveness))
            of_two = await two.launch(spec("ignores_signals", liveness=liveness))
            await liveness.wait_here("leader", times=2)
            await liveness.wait_here("child", "session", "group")

            record = await two.stop(of_one.id, reason="from the other window")
            assert record.state.kind == "exited"
            assert record.state.outcome.verdict == "terminated"
            assert record.state.outcome.receipt is not None
            assert record.state.outcome.receipt.reason == "from the other window"
            assert (await of_one.wait()) == record.state.outcome

            patient = await one.stop(of_two.id, reason="from here, at once", kill=True)
            assert patient.state.kind == "exited"
            assert patient.state.outcome.exit == KilledBySignal(signal=signal.SIGKILL)
            await liveness.wait_gone()
            assert one.agents == ()
            assert two.agents == ()


async def test_a4_a_process_whose_main_thread_has_ended_is_no_zombie_and_is_ended(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    with anyio.fail_after(10):
        agent = await orchestrator.launch(spec("loses_its_main_thread", liveness=liveness))
        await liveness.wait_here("leader", "threads")
        outcome = await agent.stop("enough")
        await liveness.wait_gone()

    receipt = outcome.receipt
    assert receipt is not None
    assert liveness.pid("threads") in {note.pid for note in receipt.escapees}
    assert receipt.survivors == ()


async def test_o7_an_agent_that_stops_its_keeper_is_stopped_all_the_same(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    with anyio.fail_after(10):
        agent = await orchestrator.launch(spec("stops_its_keeper", liveness=liveness))
        await liveness.wait_here("leader", "done")
        outcome = await agent.stop("enough")
        await liveness.wait_gone()

    assert outcome.verdict == "terminated"


async def test_o7_a_keeper_that_will_not_do_its_work_is_overruled(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    """A traced keeper would be one; here its nursery is stopped too, and cannot continue it."""
    impatient = StopPolicy(term_grace=0.1, kill_limit=0.1)
    asked = spec("has_children", liveness=liveness).model_copy(update={"stop": impatient})
    with anyio.fail_after(20):
        agent = await orchestrator.launch(asked)
        await liveness.wait_here("leader", "child", "session", "group")
        state = agent.record.state
        assert isinstance(state, Running)
        nursery = tree.read(state.keeper.pid)
        assert nursery is not None
        os.kill(nursery.ppid, signal.SIGSTOP)
        os.kill(state.keeper.pid, signal.SIGSTOP)
        record = await orchestrator.stop(agent.id, reason="enough")
        await liveness.wait_gone()

    assert record.state.kind in {"exited", "lost"}


async def test_a_fifo_in_the_place_of_the_log_holds_nobody(
    nobody_below: None, tmp_path: Path, liveness: Liveness
) -> None:
    (tmp_path / "registry").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "registry" / "orchestrator.log")
    with anyio.fail_after(10):
        async with open_orchestrator(tmp_path) as orchestrator:
            agent = await orchestrator.launch(spec("has_children", liveness=liveness))
            await liveness.wait_here("leader")
            outcome = await agent.stop("enough")
            await liveness.wait_gone()

    assert outcome.verdict == "terminated"


async def test_a_second_request_does_not_cut_the_graces_of_the_first_short(
    orchestrator: Supervisor, liveness: Liveness, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    hasty = StopPolicy(term_grace=0.05, kill_limit=0.05)
    slow = spec("saves_its_work", str(work), "4", liveness=liveness)
    asked = slow.model_copy(update={"stop": hasty})
    with anyio.fail_after(15):
        agent = await orchestrator.launch(asked)
        await liveness.wait_here("leader")
        agent.ask_to_stop("take your time", policy=PATIENT)
        outcome = await agent.stop("again")

    assert work.read_text() == "saved"
    assert outcome.receipt is not None
    assert outcome.receipt.reason == "take your time"
