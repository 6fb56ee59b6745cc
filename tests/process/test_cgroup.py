"""An agent's control group: who is in it, ending, freezing and removing it, with a real kernel."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.process.cgroup import AgentGroup, folder_name, groups_of
from orchestrator.process.cgroup_base import own_group
from tests.support.agents import argv
from tests.support.cgroups import open_folder, put, read, stranger_in, there
from tests.support.kept import open_kept
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.support.liveness import Liveness

#: A test that leaves a process fails.
pytestmark = pytest.mark.usefixtures("nobody_below")


@pytest.fixture
def base(nobody_below: None) -> Generator[str]:
    """A folder in which groups can be made."""
    with open_folder() as folder:
        yield folder


def _frozen(group: str | None) -> bool:
    assert group is not None
    return "frozen 1" in Path(group, "cgroup.events").read_text().splitlines()


def _stopped(pids: set[int]) -> bool:
    return all(read(pid).state in "Tt" for pid in pids)


# ------------------------------------------------------------------------------------- the kill
async def test_a6_a_bomb_with_a_session_in_every_generation_is_gone(
    base: str, tmp_path: Path, liveness: Liveness
) -> None:
    command = argv("forks_with_setsid")
    with anyio.fail_after(40):
        async with open_kept(tmp_path, *command, base=base, env=liveness.env) as kept:
            await liveness.wait_here("leader", "forking")
            group = AgentGroup(kept.group or "")
            await until(lambda: len(group.members()) >= 97, seconds=20.0)
            answer = await kept.ask("kill")
            await liveness.wait_gone()

    receipt = answer["receipt"]
    assert receipt["survivors"] == []
    assert kept.leader in {note["pid"] for note in receipt["killed"]}
    # Its leader, those who stay, and besides them the last of the chains, whom a walk does not see.
    assert len(receipt["killed"]) > 65
    assert len(receipt["escapees"]) > 64
    assert answer["exit"] == ["signal", signal.SIGKILL]
    assert answer["removed"] is True


async def test_who_is_in_the_group_is_the_agents_wherever_it_descends_from(
    base: str, tmp_path: Path, liveness: Liveness
) -> None:
    command = argv("has_children")
    with anyio.fail_after(20):
        async with open_kept(tmp_path, *command, base=base, env=liveness.env) as kept:
            await liveness.wait_here("leader", "child", "session", "group")
            agents = {guest.pid for guest in liveness.guests}
            assert kept.group is not None
            assert set(AgentGroup(kept.group).members()) == agents
            with stranger_in(kept.group) as stranger:
                assert set((await kept.ask("look"))["alive"]) == {*agents, stranger.pid}
                answer = await kept.ask("stop 20")
                assert stranger.wait() == -signal.SIGTERM

    receipt = answer["receipt"]
    assert {note["pid"] for note in receipt["signalled"]} == {*agents, stranger.pid}
    assert stranger.pid in {note["pid"] for note in receipt["escapees"]}
    assert answer["removed"] is True


async def test_a_house_is_not_empty_while_its_group_is_not(
    base: str, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(20):
        command = argv("waits")
        async with open_kept(tmp_path, *command, base=base, env=liveness.env) as kept:
            await liveness.wait_here("leader")
            assert kept.group is not None
            with stranger_in(kept.group, *argv("ignores_signals"), env=liveness.env) as stranger:
                await liveness.wait_here("leader", times=2)
                # Time enough for the agent to end by SIGTERM; the stranger uses up all of it.
                answer = await kept.ask("stop 2")
                assert stranger.wait() == -signal.SIGKILL

    assert answer["exit"] == ["signal", signal.SIGTERM]
    assert [note["pid"] for note in answer["receipt"]["killed"]] == [stranger.pid]


@pytest.mark.parametrize("kind", ["unborn", "closed"])
async def test_an_agent_that_cannot_be_born_in_its_group_enters_it_or_does_without(
    base: str, tmp_path: Path, liveness: Liveness, kind: str
) -> None:
    command = argv("waits")
    with anyio.fail_after(20):
        async with open_kept(tmp_path, *command, base=base, name=kind, env=liveness.env) as kept:
            await liveness.wait_here("leader")
            assert kept.group is not None
            assert kept.leader == liveness.pid("leader")
            assert there(kept.group) == (kind == "unborn")
            assert AgentGroup(kept.group).members() == ([kept.leader] if kind == "unborn" else [])
            answer = await kept.ask("stop 20")

    assert answer["exit"] == ["signal", signal.SIGTERM]
    assert answer["removed"] is True


# -------------------------------------------------------------------------------------- freezing
async def test_a_frozen_group_stands_still_and_a_stop_thaws_it_first(
    base: str, tmp_path: Path, liveness: Liveness
) -> None:
    work = tmp_path / "work"
    command = argv("saves_its_work", str(work))
    with anyio.fail_after(20):
        async with open_kept(tmp_path, *command, base=base, env=liveness.env) as kept:
            await liveness.wait_here("leader")
            assert kept.group is not None
            assert not _frozen(kept.group)
            assert (await kept.ask("freeze"))["frozen"] == [kept.leader]
            # One that the machine keeps from it stands still later than the keeper waits for it.
            await until(lambda: _frozen(kept.group))
            assert read(kept.leader).state != "T", "no SIGSTOP was needed"
            await kept.ask("thaw")
            await until(lambda: not _frozen(kept.group))
            await kept.ask("freeze")
            answer = await kept.ask("stop 20")

    assert work.read_text() == "saved"
    assert answer["exit"] == ["code", 0]


async def test_a_bomb_that_is_frozen_stands_still(
    base: str, tmp_path: Path, liveness: Liveness
) -> None:
    command = argv("forks_with_setsid")
    with anyio.fail_after(40):
        async with open_kept(tmp_path, *command, base=base, env=liveness.env) as kept:
            await liveness.wait_here("leader", "forking")
            await kept.ask("freeze")
            await until(lambda: _frozen(kept.group))
            frozen = set((await kept.ask("look"))["alive"])
            assert len(frozen) > 4
            for _look in range(5):
                assert set((await kept.ask("look"))["alive"]) == frozen

            receipt = (await kept.ask("kill"))["receipt"]
            await liveness.wait_gone()

    assert receipt["survivors"] == []


async def test_without_a_group_everyone_is_stopped_and_a_stop_continues_them_first(
    tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(20):
        async with open_kept(tmp_path, *argv("has_children"), env=liveness.env) as kept:
            await liveness.wait_here("leader", "child", "session", "group")
            agents = {guest.pid for guest in liveness.guests}
            assert kept.group is None
            assert set((await kept.ask("freeze"))["frozen"]) == agents
            assert _stopped(agents)
            await kept.ask("thaw")
            await until(lambda: not any(_stopped({pid}) for pid in agents))
            await kept.ask("freeze")
            answer = await kept.ask("stop 20")
            await liveness.wait_gone()

    assert answer["exit"] == ["signal", signal.SIGTERM]
    assert answer["receipt"]["killed"] == []


async def test_a_thaw_continues_nobody_who_had_stopped_before(
    tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(20):
        async with open_kept(tmp_path, *argv("has_children"), env=liveness.env) as kept:
            await liveness.wait_here("leader", "child", "session", "group")
            child = liveness.pid("child")
            os.kill(child, signal.SIGSTOP)
            await until(lambda: _stopped({child}))
            assert child in (await kept.ask("freeze"))["frozen"]
            await kept.ask("thaw")
            await until(lambda: not _stopped({kept.leader}))
            assert _stopped({child})
            await kept.ask("kill")


async def test_who_left_its_group_is_stopped_by_itself(
    base: str, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(20):
        command = argv("has_children")
        async with open_kept(tmp_path, *command, base=base, env=liveness.env) as kept:
            await liveness.wait_here("leader", "child", "session", "group")
            session = liveness.pid("session")
            put(session, base)
            frozen = (await kept.ask("freeze"))["frozen"]
            assert set(frozen) == {guest.pid for guest in liveness.guests}
            assert _stopped({session})
            await kept.ask("stop 20")
            await liveness.wait_gone()


# ---------------------------------------------------------------------------- groups by themselves
def test_a_group_is_named_after_its_agent_and_its_keeper(base: str) -> None:
    group = AgentGroup.make(base, "../agent of mine/ö" + "x" * 300)
    assert group is not None
    try:
        name = Path(group.path).name
        assert name == folder_name("../agent of mine/ö" + "x" * 300, os.getpid())
        assert name.startswith("___agent_of_mine__x")
        assert name.endswith(f"x.{os.getpid()}")
        assert Path(group.path).stat().st_mode & 0o777 == 0o700
        assert [one.path for one in groups_of(base, os.getpid())] == [group.path]
        assert groups_of(base, os.getpid() + 1) == []
        assert AgentGroup.make(group.path + "/cgroup.procs", "x") is None
    finally:
        assert group.remove()

    assert AgentGroup.make(None, "agent") is None


def test_a_base_that_somebody_has_removed_is_made_again(base: str) -> None:
    Path(base).rmdir()
    group = AgentGroup.make(base, "agent")
    assert group is not None
    assert group.remove()


def test_a_removal_takes_the_groups_inside_along_and_no_group_with_members(base: str) -> None:
    group = AgentGroup.make(base, "agent")
    assert group is not None
    inner = Path(group.path, "one", "two")
    inner.mkdir(parents=True)
    with stranger_in(str(inner)) as stranger:
        assert group.populated()
        assert group.members() == [stranger.pid]
        assert not group.remove(0.05)
        assert inner.exists()
        assert group.kill()
        assert stranger.wait() == -signal.SIGKILL

    assert group.remove()
    assert not Path(group.path).exists()
    assert not group.populated()


def test_nobody_kills_or_freezes_a_group_that_it_is_in(base: str) -> None:
    group = AgentGroup.make(base, "agent")
    assert group is not None
    own = own_group()
    Path(group.path, "cgroup.procs").write_text("0")
    try:
        assert group.members() == [os.getpid()]
        assert not group.kill()
        assert not group.freeze()
    finally:
        Path(own or "", "cgroup.procs").write_text("0")

    assert group.remove()


def test_a_group_that_is_gone_does_nothing_and_has_nobody() -> None:
    group = AgentGroup("/nonexistent/orchestrator-1-1/agent.1")
    assert group.fork() == -1
    assert (group.members(), group.populated()) == ([], False)
    assert (group.kill(), group.freeze(), group.thaw()) == (False, False, False)
    assert not group.limit_memory(1)
    assert (group.memory_bytes(), group.oom_killed()) == (None, False)
    assert group.remove()
