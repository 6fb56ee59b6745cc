"""What a dead orchestrator left half done is settled at the next start (rows O3, R3, R4)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from orchestrator import ProcessIdentity, open_orchestrator
from orchestrator.config import COOKIE_VARIABLE
from orchestrator.model import (
    AgentFiles,
    AgentRecord,
    AgentState,
    Cookie,
    ExitedWithCode,
    Lost,
    OrchestratorRecord,
    Running,
    Starting,
    new_agent_id,
    new_cookie,
    new_orchestrator_id,
)
from orchestrator.process.identity import alive, identify
from orchestrator.process.record import PART
from orchestrator.registry import Registry
from orchestrator.supervision import ending, reconcile
from tests.support.agents import QUICK, argv
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from tests.support.liveness import Liveness

#: A test that leaves a process fails.
pytestmark = pytest.mark.usefixtures("nobody_below")


NOW = datetime.now(UTC)

#: What a keeper writes, but for the agent.
LAST_WORD = {
    "pid": 1,
    "exit": ["code", 7],
    "requested": False,
    "started_at": NOW.timestamp(),
    "exited_at": NOW.timestamp(),
    "ended_at": NOW.timestamp(),
    "user_s": 0.0,
    "system_s": 0.0,
    "max_rss_bytes": 0,
    "left_behind": [],
    "receipt": None,
    "limit": None,
    "warnings": [],
}


def _gone(now: ProcessIdentity) -> ProcessIdentity:
    """An identity that was this process's once: same pid, other start."""
    return now.model_copy(update={"start_ticks": now.start_ticks - 1})


@contextmanager
def _stranger(liveness: Liveness, cookie: Cookie | None = None) -> Generator[ProcessIdentity]:
    """A live process that this test started; it may carry a cookie."""
    env = {**os.environ, **liveness.env} | ({COOKIE_VARIABLE: cookie} if cookie else {})
    with subprocess.Popen(argv("waits"), env=env, start_new_session=True) as process:
        identity = identify(process.pid)
        assert identity is not None
        try:
            yield identity
        finally:
            process.kill()


def _leave(
    workspace: Path, owner: ProcessIdentity, state: AgentState, cookie: Cookie | None = None
) -> AgentRecord:
    """Write what a dead orchestrator with this identity left in the registry."""
    run = OrchestratorRecord(
        id=new_orchestrator_id(),
        pid=owner.pid,
        start_ticks=owner.start_ticks,
        boot_id=owner.boot_id,
        started_at=NOW,
    )
    folder = workspace / "left"
    record = AgentRecord(
        id=new_agent_id("left"),
        owner=run.id,
        agent_type="left",
        provider="command",
        argv=("true",),
        cwd=workspace,
        parent=None,
        task_id=None,
        depth=1,
        prompt_preview="",
        cookie=cookie or new_cookie(),
        files=AgentFiles(
            prompt=folder / "in",
            stdout=folder / "out",
            stderr=folder / "err",
            outcome=folder / "outcome",
        ),
        stop=QUICK,
        created_at=NOW,
        state=state,
    )
    with Registry.open(workspace) as registry:
        registry.orchestrators.add(run)
        registry.agents.add(record)

    return record


async def _settled(workspace: Path, record: AgentRecord) -> AgentRecord:
    with anyio.fail_after(10):
        async with open_orchestrator(workspace) as orchestrator:
            registry = orchestrator.registry
            await until(lambda: not registry.agents.get(record.id).live)
            await until(lambda: len(registry.orchestrators.all(open_only=True)) == 1)
            return registry.agents.get(record.id)


async def test_r3_a_stranger_with_the_pids_of_agent_and_keeper_is_never_signalled(
    tmp_path: Path, liveness: Liveness
) -> None:
    with _stranger(liveness) as stranger:
        await liveness.wait_here("leader")
        was = _gone(stranger)
        record = _leave(tmp_path, was, Running(since=NOW, leader=was, keeper=was))
        settled = await _settled(tmp_path, record)
        assert alive(stranger)

    assert settled.state.kind == "lost"
    assert settled.state.swept == ()


async def test_r3_a_cookie_does_not_condemn_a_process_that_is_older_than_the_agent(
    tmp_path: Path, liveness: Liveness
) -> None:
    cookie = new_cookie()
    with _stranger(liveness, cookie) as stranger:
        await liveness.wait_here("leader")
        later = stranger.model_copy(update={"start_ticks": stranger.start_ticks + 1})
        record = _leave(tmp_path, later, Running(since=NOW, leader=later, keeper=later), cookie)
        settled = await _settled(tmp_path, record)
        assert alive(stranger)

    assert settled.state.kind == "lost"


async def test_r4_after_a_restart_of_the_machine_nothing_is_signalled(
    tmp_path: Path, liveness: Liveness
) -> None:
    cookie = new_cookie()
    with _stranger(liveness, cookie) as stranger:
        await liveness.wait_here("leader")
        was = stranger.model_copy(update={"boot_id": "another boot"})
        record = _leave(tmp_path, was, Running(since=NOW, leader=was, keeper=was), cookie)
        settled = await _settled(tmp_path, record)
        assert alive(stranger)

    assert settled.state.kind == "lost"
    assert settled.state.reason == "the machine or its container was restarted"


@pytest.mark.parametrize("known", ["starting", "running"])
async def test_o3_whoever_carries_the_cookie_of_an_agent_without_a_keeper_is_swept(
    tmp_path: Path, liveness: Liveness, known: str
) -> None:
    cookie = new_cookie()
    with _stranger(liveness, cookie) as orphan:
        await liveness.wait_here("leader")
        gone = _gone(orphan)
        state = (
            Starting(since=NOW)
            if known == "starting"
            else Running(since=NOW, leader=orphan, keeper=gone)
        )
        record = _leave(tmp_path, gone, state, cookie)
        settled = await _settled(tmp_path, record)
        with anyio.fail_after(5):
            await liveness.wait_gone()

    assert settled.state.kind == "lost"
    assert [note.pid for note in settled.state.swept] == [orphan.pid]


async def test_o3_the_leader_of_an_agent_is_swept_by_identity_alone(
    tmp_path: Path, liveness: Liveness
) -> None:
    with _stranger(liveness) as orphan:
        await liveness.wait_here("leader")
        gone = _gone(orphan)
        record = _leave(tmp_path, gone, Running(since=NOW, leader=orphan, keeper=gone))
        settled = await _settled(tmp_path, record)
        with anyio.fail_after(5):
            await liveness.wait_gone()

    assert settled.state.kind == "lost"
    assert [note.pid for note in settled.state.swept] == [orphan.pid]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"agent_id": "somebody-else"}'])
async def test_o3_an_outcome_file_that_is_none_does_not_stand_in_the_way(
    tmp_path: Path, text: str
) -> None:
    me = identify(os.getpid())
    assert me is not None
    gone = _gone(me)
    record = _leave(tmp_path, gone, Running(since=NOW, leader=gone, keeper=gone))
    record.files.outcome.parent.mkdir()
    record.files.outcome.write_text(text)
    settled = await _settled(tmp_path, record)
    assert settled.state.kind == "lost"


async def test_o3_the_last_word_of_a_keeper_that_was_never_recorded_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    me = identify(os.getpid())
    assert me is not None
    record = _leave(tmp_path, _gone(me), Starting(since=NOW))
    outcome = record.files.outcome
    outcome.parent.mkdir()
    part = outcome.with_name(outcome.name + PART)
    part.touch()
    buried = anyio.Event()

    async def bury(*one: Any, **named: Any) -> Lost:
        lost = await ending.bury(*one, **named)
        buried.set()
        return lost

    async def speak() -> None:
        await buried.wait()
        said = {**LAST_WORD, "agent_id": record.id}
        part.write_text(json.dumps(said))
        part.rename(outcome)

    monkeypatch.setattr(reconcile, "bury", bury)
    async with anyio.create_task_group() as group:
        group.start_soon(speak)
        settled = await _settled(tmp_path, record)
        assert settled.state.kind == "exited"
        assert settled.state.outcome.exit == ExitedWithCode(code=7)


async def test_the_agents_of_an_orchestrator_that_lives_are_left_to_it(
    tmp_path: Path, liveness: Liveness
) -> None:
    with _stranger(liveness) as other:
        await liveness.wait_here("leader")
        record = _leave(tmp_path, other, Running(since=NOW, leader=other, keeper=other))
        with anyio.fail_after(10):
            async with open_orchestrator(tmp_path) as orchestrator:
                dead = _leave(tmp_path, _gone(other), Starting(since=NOW))
                # One more start settles what is dead; by then the other was looked at too.
                async with open_orchestrator(tmp_path):
                    await until(lambda: not orchestrator.registry.agents.get(dead.id).live)

                assert orchestrator.registry.agents.get(record.id).live

                # When it dies, who stayed settles what it left.
                os.kill(other.pid, signal.SIGKILL)
                await until(lambda: not orchestrator.registry.agents.get(record.id).live)
