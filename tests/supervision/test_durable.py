"""A durable agent outlives its orchestrator, and the next one has it in hand (row O5)."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest

from orchestrator import ExitedWithCode, Limits, open_orchestrator
from orchestrator.model import AgentRecord
from orchestrator.process import tree
from tests.support.agents import PATIENT
from tests.support.durable import (
    LONG,
    durable,
    leave,
    outcome_of,
    reach,
    reason_of,
    wait_adopted,
    wait_outcome,
    wait_recorded,
)
from tests.support.evidence import ask_until
from tests.support.orchestrators import ChildOrchestrator, open_child
from tests.support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator import AgentSpec
    from tests.support.liveness import Liveness

#: A test that leaves a process fails.
pytestmark = pytest.mark.usefixtures("nobody_below")

#: Says something when it begins and when SIGUSR1 ends it with code 5; leaves a sleep behind then.
SPEAKS: Final = "trap 'echo late; exit 5' USR1; echo early; sleep 40 & wait"


def speaking() -> AgentSpec:
    """Return the spec of an agent that can be heard and ended."""
    return durable("waits", argv=("/bin/sh", "-c", SPEAKS))


async def end(child: ChildOrchestrator, how: str) -> None:
    """End an orchestrator in this way."""
    match how:
        case "leave":
            await child.order("leave")
        case "exit":
            await child.order("exit", status=1)
        case _:
            child.signal(signal.Signals[how])

    await child.wait()


# -------------------------------------------------------------------------------- living on
@pytest.mark.parametrize("how", ["leave", "SIGTERM", "SIGKILL", "exit"])
async def test_o5_however_its_orchestrator_ends_a_durable_agent_goes_on_and_a_bound_one_does_not(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, how: str
) -> None:
    with anyio.fail_after(30):
        async with open_child(tmp_path, anyio_backend) as child:
            bound = await child.launch(durable("ignores_signals", liveness=liveness, durable=False))
            await liveness.wait_here("leader")
            before = AgentRecord.model_validate(
                await child.launch(durable("has_children", liveness=liveness))
            )
            await liveness.wait_here("child", "session", "group")
            await end(child, how)
            await until(lambda: len(liveness.here()) == 4)

        async with open_orchestrator(tmp_path) as orchestrator:
            agent = await wait_adopted(orchestrator, before.id)
            assert agent.record.owner == orchestrator.id
            assert agent.record.state == before.state
            ended = await wait_recorded(orchestrator, bound["id"])
            assert outcome_of(ended).verdict == "terminated"
            assert len(liveness.here()) == 4
            outcome = await agent.stop("enough of it", policy=PATIENT)
            assert liveness.here() == []

    assert outcome.verdict == "terminated"
    assert outcome.receipt is not None
    assert outcome.receipt.reason == "enough of it"
    assert outcome.receipt.killed == ()
    assert liveness.pid("session") in {note.pid for note in outcome.receipt.escapees}
    assert not before.files.door.exists()


async def test_o5_an_end_that_nobody_watched_is_known_with_its_code_and_its_output(
    anyio_backend: str, tmp_path: Path
) -> None:
    with anyio.fail_after(30):
        (before,) = await leave(tmp_path, anyio_backend, speaking())
        pid = before.pid
        assert pid is not None
        await until(lambda: [proc.name for proc in tree.descendants(pid)] == ["sleep"])
        os.kill(pid, signal.SIGUSR1)
        await wait_outcome(before)
        async with open_orchestrator(tmp_path) as orchestrator:
            record = await wait_recorded(orchestrator, before.id)

    outcome = outcome_of(record)
    assert (outcome.exit, outcome.verdict) == (ExitedWithCode(code=5), "failed")
    assert [note.name for note in outcome.left_behind] == ["sleep"]
    assert before.files.stdout.read_text() == "early\nlate\n"


async def test_o5_an_end_after_its_adoption_is_seen_like_any_other(
    anyio_backend: str, tmp_path: Path
) -> None:
    with anyio.fail_after(30):
        (before,) = await leave(tmp_path, anyio_backend, speaking())
        async with open_orchestrator(tmp_path) as orchestrator:
            agent = await wait_adopted(orchestrator, before.id)
            await until(lambda: agent.stdout.read_text() == "early\n")
            assert agent.pid is not None
            os.kill(agent.pid, signal.SIGUSR1)
            await agent.wait_exited()
            outcome = await agent.wait()

    assert outcome.exit == ExitedWithCode(code=5)
    assert agent.stdout.read_text() == "early\nlate\n"


async def test_o5_an_agent_goes_on_from_one_orchestrator_to_the_next_and_the_next(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(30):
        (before,) = await leave(tmp_path, anyio_backend, durable("waits", liveness=liveness))
        owners: set[str] = {before.owner}
        for _ in range(4):
            async with open_orchestrator(tmp_path) as orchestrator:
                owners.add((await wait_adopted(orchestrator, before.id)).record.owner)

        assert len(owners) == 5
        async with open_orchestrator(tmp_path) as orchestrator:
            await wait_adopted(orchestrator, before.id)
            outcome_of(await orchestrator.stop(before.id, reason="enough"))

        await liveness.wait_gone()


@pytest.mark.parametrize("older", [True, False], ids=["older", "younger"])
async def test_o5_another_orchestrator_that_lives_adopts_at_once(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, older: bool
) -> None:
    asked = durable("waits", liveness=liveness)
    with anyio.fail_after(30):
        if older:
            async with open_orchestrator(tmp_path) as orchestrator:
                (before,) = await leave(tmp_path, anyio_backend, asked)
                await (await wait_adopted(orchestrator, before.id)).stop("enough")
        else:
            async with open_child(tmp_path, anyio_backend) as child:
                launched = await child.launch(asked)
                async with open_orchestrator(tmp_path) as orchestrator:
                    assert orchestrator.agents == ()
                    child.signal(signal.SIGKILL)
                    await (await wait_adopted(orchestrator, launched["id"])).stop("enough")

        await liveness.wait_gone()


async def test_o5_two_that_see_its_end_at_once_adopt_each_agent_once(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, caplog: pytest.LogCaptureFixture
) -> None:
    asked = [durable("waits", liveness=liveness) for _ in range(8)]
    with anyio.fail_after(60):
        async with (
            open_orchestrator(tmp_path) as one,
            open_child(tmp_path, anyio_backend) as two,
        ):
            before = sorted(r.id for r in await leave(tmp_path, anyio_backend, *asked))

            async def all_adopted() -> bool:
                own = [*(each.id for each in one.agents), *(await two.ask("own"))["own"]]
                assert len(set(own)) == len(own), "one agent, two orchestrators"
                return sorted(own) == before

            await ask_until(all_adopted, "each agent has an orchestrator")
            assert "goes on under another" not in caplog.text
            # Whoever has adopted them, the other can stop them.
            for agent_id in before:
                answer = await two.ask("stop", id=agent_id, reason=agent_id)
                assert reason_of(AgentRecord.model_validate(answer)) == agent_id

        await liveness.wait_gone()


# --------------------------------------------------------------------------------- its limits
@pytest.mark.parametrize(
    ("more", "ended_by"),
    [({"limits": Limits(wall_clock=0.7)}, "wall_clock"), ({"orphan_limit": 0.3}, "orphaned")],
    ids=["wall clock", "orphaned"],
)
async def test_o5_limits_hold_without_an_orchestrator(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, more: dict[str, Any], ended_by: str
) -> None:
    with anyio.fail_after(30):
        (before,) = await leave(
            tmp_path, anyio_backend, durable("waits", liveness=liveness, **more)
        )
        assert (await wait_outcome(before))["limit"] == ended_by
        await liveness.wait_gone()
        async with open_orchestrator(tmp_path) as orchestrator:
            record = await wait_recorded(orchestrator, before.id)

    outcome = outcome_of(record)
    assert (outcome.limit, outcome.verdict) == (ended_by, "terminated")


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # it takes its time
async def test_o5_an_adoption_ends_the_time_without_an_orchestrator(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    asked = durable("waits", liveness=liveness, orphan_limit=10.0, limits=Limits(wall_clock=12.0))
    with anyio.fail_after(30):
        async with open_orchestrator(tmp_path) as orchestrator:
            (before,) = await leave(tmp_path, anyio_backend, asked)
            agent = await wait_adopted(orchestrator, before.id)
            assert (await agent.wait()).limit == "wall_clock"


# ----------------------------------------------------------------------------------- the door
async def test_o5_without_its_door_an_agent_cannot_be_adopted_but_stopped_and_frozen(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, caplog: pytest.LogCaptureFixture
) -> None:
    asked = [durable("has_children", liveness=liveness), speaking()]
    with anyio.fail_after(30):
        before, speaks = await leave(tmp_path, anyio_backend, *asked)
        for record in (before, speaks):
            record.files.door.unlink()

        async with open_orchestrator(tmp_path) as orchestrator:
            await until(lambda: caplog.text.count("cannot be adopted") == 2, seconds=LONG)
            await until(lambda: speaks.files.stdout.read_text() == "early\n")
            assert orchestrator.agents == ()
            assert (await orchestrator.freeze(before.id)).state.kind == "frozen"
            assert (await orchestrator.thaw(before.id)).state.kind == "running"
            stopped = await orchestrator.stop(before.id, reason="by signal")
            assert speaks.pid is not None
            os.kill(speaks.pid, signal.SIGUSR1)
            ended = await wait_recorded(orchestrator, speaks.id)

        await liveness.wait_gone()

    assert outcome_of(stopped).verdict == "terminated"
    assert reason_of(stopped) == "by signal"
    assert outcome_of(ended).exit == ExitedWithCode(code=5)


async def test_o5_a_door_at_which_nobody_is_let_in_keeps_nobody_from_leaving(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(30):
        (before,) = await leave(tmp_path, anyio_backend, durable("waits", liveness=liveness))
        door = before.files.door
        door.unlink()
        with socket.socket(socket.AF_UNIX) as crowded, ExitStack() as stack:
            with reach(door) as path:
                crowded.bind(path)

            crowded.listen(0)
            for _ in range(2):
                waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
                waiting.setblocking(False)  # noqa: FBT003  the method takes it so
                with reach(door) as path:
                    waiting.connect_ex(path)

            async with open_orchestrator(tmp_path) as orchestrator:
                await until(
                    lambda: orchestrator.registry.agents.get(before.id).owner == orchestrator.id
                )

        async with open_orchestrator(tmp_path) as orchestrator:
            outcome_of(await orchestrator.stop(before.id, reason="enough"))

        await liveness.wait_gone()


@pytest.mark.parametrize("alone", [False, True], ids=["before", "after"])
async def test_o5_an_agent_that_knocks_at_its_own_keeper_s_door_is_not_let_in(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, alone: bool
) -> None:
    hostile = durable("knocks_at_its_keeper", str(tmp_path), liveness=liveness)
    with anyio.fail_after(40):
        async with open_child(tmp_path, anyio_backend) as child:
            before = AgentRecord.model_validate(await child.launch(hostile))
            if alone:
                child.signal(signal.SIGKILL)

            await liveness.wait_here("done")
            if not alone:
                # Its orchestrator has it in hand as ever.
                assert (await child.ask("own"))["own"] == [before.id]
                assert (await child.ask("freeze", id=before.id))["state"]["kind"] == "frozen"
                assert (await child.ask("thaw", id=before.id))["state"] == before.model_dump(
                    mode="json"
                )["state"]

        async with open_orchestrator(tmp_path) as orchestrator:
            agent = await wait_adopted(orchestrator, before.id)
            assert agent.record.state == before.state
            await agent.stop("enough of it")
            await liveness.wait_gone()

    assert reason_of(agent.record) == "enough of it"


async def test_o5_who_comes_in_without_being_an_orchestrator_does_not_keep_the_agent(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(30):
        async with open_orchestrator(tmp_path) as orchestrator:
            agent = await orchestrator.launch(durable("waits", liveness=liveness))
            await liveness.wait_here("leader")
            with socket.socket(socket.AF_UNIX) as intruder:
                with reach(agent.record.files.door) as path:
                    intruder.connect(path)

                intruder.sendall(b'{"op":"adopt"}\n{"op":"freeze"}\n')
                await until(lambda: agent.record.state.kind == "frozen", seconds=LONG)
                assert orchestrator.agent(agent.id) is agent

            await agent.thaw()
            assert (await agent.stop("enough")).verdict == "terminated"


async def test_o5_an_end_while_somebody_else_has_come_in_is_known(
    anyio_backend: str, tmp_path: Path
) -> None:
    with anyio.fail_after(30):
        async with open_orchestrator(tmp_path) as orchestrator:
            agent = await orchestrator.launch(speaking())
            await until(lambda: agent.stdout.read_text() == "early\n")
            with socket.socket(socket.AF_UNIX) as intruder:
                with reach(agent.record.files.door) as path:
                    intruder.connect(path)

                intruder.sendall(b'{"op":"adopt"}\n{"op":"stop","reason":"mine","policy":null}\n')
                await agent.wait()

    assert reason_of(agent.record) == "mine"


async def test_o5_a_workspace_deeper_than_a_socket_s_address_is_long(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    workspace = tmp_path.joinpath(*["d" * 60] * 3)
    with anyio.fail_after(30):
        (before,) = await leave(workspace, anyio_backend, durable("waits", liveness=liveness))
        assert len(str(before.files.door)) > 180
        async with open_orchestrator(workspace) as orchestrator:
            agent = await wait_adopted(orchestrator, before.id)
            await agent.stop("enough")

        await liveness.wait_gone()
