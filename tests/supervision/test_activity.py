"""What real agents are doing, as it is measured."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import anyio
import psutil
import pytest

from orchestrator import AgentId, AgentSpec, NotFoundError, open_orchestrator
from orchestrator.model.activity import LISTED_MAX
from orchestrator.process import tree
from orchestrator.providers import ClaudeProvider, CommandProvider
from orchestrator.supervision.activity import measure
from tests.support.agents import QUICK, spec
from tests.support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator import Agent, AgentRecord, Supervisor
    from orchestrator.model.activity import Activity
    from orchestrator.providers import Provider
    from tests.support.liveness import Liveness

pytestmark = pytest.mark.skipif(not tree.HAS_PROC, reason="processes are looked at in /proc")

PROVIDERS: dict[str, Provider] = {"command": CommandProvider()}

#: The longest that anything may take on a busy machine, in seconds.
LONG = 30.0


def look(agent: Agent, before: Activity | None = None) -> Activity:
    return measure(agent.record, PROVIDERS, before)


def older(record: AgentRecord) -> AgentRecord:
    """The same agent, launched an hour ago."""
    return record.model_copy(update={"created_at": record.created_at - timedelta(hours=1)})


async def test_an_agent_that_burns_cpu_is_working(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    agent = await orchestrator.launch(spec("burns", "itself", liveness=liveness))
    await liveness.wait_here("leader")
    first = look(agent)
    assert first.cpu_share is None

    def busy() -> Activity | None:
        seen = look(agent, first)
        return seen if seen.verdict == "working" and (seen.cpu_share or 0) > 0.05 else None

    seen = await until(busy, seconds=LONG)
    assert seen is not None
    assert seen.cpu_s is not None
    assert first.cpu_s is not None
    assert seen.cpu_s > first.cpu_s
    (process,) = seen.processes
    assert process.pid == agent.pid == process.session
    assert process.cpu_s > 0
    assert process.rss_bytes > 1 << 20
    assert process.threads == 1
    assert process.name.startswith("python")
    assert (process.open_files or 0) >= 3
    assert seen.process_count == 1
    assert seen.rss_bytes == process.rss_bytes
    assert abs(process.since - agent.record.created_at) < timedelta(minutes=1)
    created = datetime.fromtimestamp(psutil.Process(process.pid).create_time(), UTC)
    assert abs(process.since - created) < timedelta(seconds=1)


async def test_an_agent_that_sleeps_is_not_said_to_be_working(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    agent = await orchestrator.launch(spec("waits", liveness=liveness))
    await liveness.wait_here("leader")

    def at_rest() -> bool:
        return [one.state for one in look(agent).processes] == ["sleeping"]

    await until(at_rest, seconds=LONG)

    young = look(agent)
    assert young.verdict == "unknown"
    assert "launched" in young.why
    old = measure(older(agent.record), PROVIDERS)
    assert old.verdict == "idle"
    assert "is stuck" in old.why
    assert "no process of it was running" in old.why
    assert old.last_output_at is None
    assert old.output_bytes == 0
    assert 3_600 <= old.quiet_s < 3_660


async def test_an_agent_that_writes_is_working(orchestrator: Supervisor) -> None:
    script = "i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo 12345678; sleep 0.02; done"
    argv = ("sh", "-c", f"{script} >&2")
    agent = await orchestrator.launch(AgentSpec(argv=argv, stop=QUICK))
    await until(lambda: look(agent).output_bytes > 9, seconds=LONG)

    seen = look(agent)

    assert seen.verdict == "working"
    assert seen.last_output_at is not None
    assert abs(seen.at - seen.last_output_at) < timedelta(seconds=LONG)
    assert seen.quiet_s < LONG
    assert seen.output_bytes % 9 == 0


async def test_children_in_sessions_of_their_own_are_seen_and_waited_for(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    agent = await orchestrator.launch(spec("has_children", liveness=liveness))
    await liveness.wait_here("leader", "child", "session", "group")

    def at_rest() -> Activity | None:
        seen = measure(older(agent.record), PROVIDERS)
        return seen if seen.verdict == "waiting" else None

    seen = await until(at_rest, seconds=LONG)
    assert seen is not None
    assert "what it started" in seen.why
    by_pid = {one.pid: one for one in seen.processes}
    assert by_pid.keys() == {guest.pid for guest in liveness.guests}
    assert by_pid[liveness.pid("child")].session == agent.pid
    assert by_pid[liveness.pid("session")].session == liveness.pid("session")
    assert seen.process_count == 4


@pytest.mark.parametrize("how", ["children", "unwaited"])
async def test_the_cpu_time_of_children_that_have_ended_is_kept(
    orchestrator: Supervisor, liveness: Liveness, how: str
) -> None:
    agent = await orchestrator.launch(spec("burns", how, liveness=liveness))
    await liveness.wait_here("leader")
    seen = look(agent)

    def look_again() -> bool:
        nonlocal seen
        now = look(agent, seen)
        assert now.cpu_s is not None
        assert seen.cpu_s is not None
        assert now.cpu_s >= seen.cpu_s
        seen = now
        return now.cpu_s > 0.6

    # Each child uses 0.1 s, and there is one at a time.
    await until(look_again, seconds=LONG)

    # Of children that the kernel collected a look that is put beside no other knows nothing.
    alone = look(agent).cpu_s or 0.0
    assert alone > 0.4 if how == "children" else alone < 0.5


async def test_the_cpu_time_of_an_orphan_that_the_keeper_collected_is_kept(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    agent = await orchestrator.launch(spec("burns", "orphan", liveness=liveness))
    await liveness.wait_here("orphan")
    with anyio.fail_after(LONG):
        await liveness.wait_gone("orphan")

    # Its connection ends a moment before its keeper collects it.
    seen = await until(
        lambda: now if (now := look(agent)).process_count == 1 else None, seconds=LONG
    )
    await until(lambda: (look(agent).cpu_s or 0) > 0.35, seconds=LONG)
    assert seen is not None
    assert [one.pid for one in seen.processes] == [agent.pid]
    assert seen.processes[0].cpu_s < 0.35


async def test_an_agent_that_stopped_itself_is_said_to_be_stopped_by_a_signal(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    agent = await orchestrator.launch(spec("stops_itself", liveness=liveness))
    await liveness.wait_here("leader")

    seen = await until(
        lambda: now if (now := look(agent)).verdict == "frozen" else None, seconds=LONG
    )

    assert seen is not None
    assert "SIGCONT" in seen.why
    assert [one.state for one in seen.processes] == ["stopped"]


async def test_an_orchestrator_says_what_its_agents_are_doing(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    agent = await orchestrator.launch(spec("waits", liveness=liveness))
    await liveness.wait_here("leader")

    seen = await orchestrator.activity(agent.id)
    assert [one.pid for one in seen.processes] == [agent.pid]
    assert (await agent.activity()).process_count == 1

    await agent.stop()
    assert (await orchestrator.activity(agent.id)).verdict == "ended"
    with pytest.raises(NotFoundError):
        await orchestrator.activity(AgentId("nobody"))


async def test_an_agent_that_was_frozen_is_said_to_be_frozen_and_works_when_it_is_thawed(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    agent = await orchestrator.launch(spec("burns", "itself", liveness=liveness))
    await liveness.wait_here("leader")
    await orchestrator.freeze(agent.id)

    frozen = look(agent)
    assert frozen.verdict == "frozen"
    assert "until it is thawed" in frozen.why
    assert frozen.process_count == 1

    await orchestrator.thaw(agent.id)
    await until(lambda: look(agent, frozen).verdict == "working", seconds=LONG)


async def test_of_an_agent_that_has_ended_it_is_said_how(orchestrator: Supervisor) -> None:
    agent = await orchestrator.launch(AgentSpec(argv=("sh", "-c", "echo bye; exit 3")))
    outcome = await agent.wait()

    seen = look(agent)

    assert (seen.verdict, seen.why) == ("ended", "it has ended: exit 3, failed")
    assert seen.cpu_s == pytest.approx(outcome.usage.user_s + outcome.usage.system_s, abs=0.01)
    assert seen.output_bytes == 4
    assert seen.processes == ()


async def test_an_agent_whose_keeper_is_not_there_is_not_guessed_at(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    agent = await orchestrator.launch(spec("waits", liveness=liveness))
    record = agent.record
    assert record.state.kind == "running"
    keeper = record.state.keeper
    # A stranger has its pid now.
    stranger = keeper.model_copy(update={"start_ticks": keeper.start_ticks - 1})
    state = record.state.model_copy(update={"keeper": stranger})

    seen = measure(record.model_copy(update={"state": state}), PROVIDERS)

    assert seen.verdict == "unknown"
    assert "keeper" in seen.why
    assert seen.processes == ()
    assert seen.cpu_s is None


async def test_when_the_time_is_up_only_the_output_is_looked_at(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    agent = await orchestrator.launch(spec("waits", liveness=liveness))
    before = look(agent).model_copy(update={"cpu_s": 7.0})

    seen = measure(agent.record, PROVIDERS, before, until=time.monotonic())

    assert not seen.complete
    assert (seen.process_count, seen.processes, seen.cpu_s) == (None, (), 7.0)
    assert seen.verdict == "unknown"


async def test_sums_without_a_list_are_judged_by_the_same_processes(
    orchestrator: Supervisor, liveness: Liveness
) -> None:
    agent = await orchestrator.launch(spec("has_children", liveness=liveness))
    await liveness.wait_here("leader", "child", "session", "group")

    seen = await until(
        lambda: (
            now
            if (now := measure(older(agent.record), PROVIDERS, listed=False)).verdict == "waiting"
            else None
        ),
        seconds=LONG,
    )

    assert seen is not None
    assert seen.processes == ()
    assert seen.process_count == 4
    assert (seen.rss_bytes or 0) > 1 << 20


async def test_of_many_processes_those_that_used_most_are_listed(
    orchestrator: Supervisor,
) -> None:
    count = LISTED_MAX + 10
    script = f"i=0; while [ $i -lt {count} ]; do i=$((i+1)); sleep 60 & done; echo; wait"
    agent = await orchestrator.launch(AgentSpec(argv=("sh", "-c", script), stop=QUICK))
    await until(lambda: look(agent).process_count == count + 1, seconds=LONG)

    seen = look(agent)

    assert len(seen.processes) == LISTED_MAX
    used = min(one.cpu_s for one in seen.processes)
    assert used >= 0
    assert len({one.pid for one in seen.processes}) == LISTED_MAX


# ------------------------------------------------------------------------------------ tool calls
CALL = (
    '{"type":"assistant","message":{"id":"m1","content":[{"type":"tool_use","id":"toolu_1",'
    '"name":"Bash","input":{"command":"make test"}}]},"parent_tool_use_id":null}'
)
NOTE = '{"type":"system","subtype":"task_started","tool_use_id":"toolu_1"}'


async def test_an_open_tool_call_is_told_and_keeps_its_date(
    nobody_below: None, tmp_path: Path, liveness: Liveness
) -> None:
    go = tmp_path / "go"
    script = f"echo '{CALL}'; until [ -e {go} ]; do sleep 0.05; done; echo '{NOTE}'; exec sleep 45"
    claude = ClaudeProvider(executable=("sh", "-c", script), flags=())
    providers: dict[str, Provider] = {"claude": claude}
    async with open_orchestrator(tmp_path / "workspace", providers=providers) as orchestrator:
        agent = await orchestrator.launch(AgentSpec(provider="claude", stop=QUICK))
        await until(lambda: measure(agent.record, providers).open_tool_calls, seconds=LONG)
        first = measure(agent.record, providers)
        (call,) = first.open_tool_calls
        assert (call.name, call.what) == ("Bash", "make test")
        assert call.since == first.last_output_at

        go.touch()
        size = first.output_bytes
        await until(lambda: measure(agent.record, providers).output_bytes > size, seconds=LONG)
        (alone,) = measure(agent.record, providers).open_tool_calls
        (known,) = measure(agent.record, providers, first).open_tool_calls
        assert alone.since is not None
        assert call.since is not None
        assert alone.since > call.since == known.since

        # An old call waits; of children only those in sessions of their own would count.
        os.utime(agent.stdout, (time.time() - 600, time.time() - 600))
        waiting = await until(
            lambda: (
                now
                if (now := measure(older(agent.record), providers, first)).verdict == "waiting"
                else None
            ),
            seconds=LONG,
        )
        assert waiting is not None
        assert "it waits for its tool Bash (make test), for at least 10 min" in waiting.why
