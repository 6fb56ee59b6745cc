"""Control groups under real nurseries and keepers: made, told, and swept by whoever is left."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, cast

import anyio
import pytest

from orchestrator.model import Cookie, Limits
from orchestrator.process import identity
from orchestrator.process.cgroup import REMOVE_LIMIT, AgentGroup
from orchestrator.process.cgroup_base import recorded_group
from orchestrator.process.launcher import open_launcher
from orchestrator.process.messages import limits_message, policy_message, read_report
from orchestrator.process.nursery import _Nursery  # pyright: ignore[reportPrivateUsage]
from orchestrator.process.sweep import sweep
from tests.support.agents import QUICK, argv
from tests.support.cgroups import open_folder, stranger_in, there
from tests.support.signals import kill_at_once
from tests.support.waiting import until

if TYPE_CHECKING:
    from orchestrator.model import Running
    from orchestrator.process.launcher import Launcher
    from orchestrator.process.link import KeeperLink
    from orchestrator.process.messages import KeeperReport
    from tests.support.liveness import Liveness

#: A test that leaves a process fails.
pytestmark = pytest.mark.usefixtures("nobody_below", "possible")


@pytest.fixture
def possible() -> None:
    """Skip where no group can be made."""
    with open_folder():
        pass


async def _launch(
    launcher: Launcher, folder: Path, *command: str, liveness: Liveness
) -> tuple[KeeperLink, Running]:
    return await launcher.launch(
        {
            "agent_id": "agent-1",
            "path": command[0],
            "argv": list(command),
            "env": {**os.environ, **liveness.env},
            "cwd": str(folder),
            "prompt": os.devnull,
            "stdout": str(folder / "out"),
            "stderr": str(folder / "err"),
            "outcome": str(folder / "outcome"),
            "log": str(folder / "log"),
            "policy": policy_message(QUICK),
            "limits": limits_message(Limits()),
            "door": None,
            "orphan_limit": None,
        }
    )


async def _last_word(link: KeeperLink) -> KeeperReport:
    while (message := await link.next_message()) is not None:
        if message["event"] == "ended":
            return read_report(message["outcome"])

    raise AssertionError("the keeper ended without a last word")


async def _hear_out(link: KeeperLink) -> None:
    while await link.next_message() is not None:
        pass


async def test_an_agent_has_a_group_of_its_own_that_goes_with_it_and_a_base_with_its_nursery(
    tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(20):
        async with open_launcher(tmp_path / "log") as launcher:
            link, running = await _launch(
                launcher, tmp_path, *argv("has_children"), liveness=liveness
            )
            with link:
                await liveness.wait_here("leader", "child", "session", "group")
                group = recorded_group(running.cgroup, "agent-1")
                assert group is not None
                assert set(group.members()) == {guest.pid for guest in liveness.guests}
                link.stop("enough")
                await _last_word(link)
                await _hear_out(link)
                assert not there(group.path)

            base = os.path.dirname(group.path)  # noqa: PTH120
            assert f"orchestrator-{launcher.nursery_pid}-" in base
            assert there(base)

        await until(lambda: not there(base))


async def test_without_groups_an_agent_has_none(tmp_path: Path, liveness: Liveness) -> None:
    with anyio.fail_after(20):
        async with open_launcher(tmp_path / "log", cgroups=False) as launcher:
            link, running = await _launch(launcher, tmp_path, *argv("waits"), liveness=liveness)
            with link:
                await liveness.wait_here("leader")
                assert running.cgroup is None
                link.stop("enough")
                await _last_word(link)


async def test_an_agent_that_was_not_started_leaves_no_group(
    tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(20):
        async with open_launcher(tmp_path / "log") as launcher:
            link, running = await _launch(launcher, tmp_path, *argv("waits"), liveness=liveness)
            with link:
                base = Path(running.cgroup or "").parent
                for missing in ("/nonexistent", str(tmp_path)):
                    with pytest.raises(OSError, match="cannot execute"):
                        await _launch(launcher, tmp_path, missing, liveness=liveness)

                assert [one.name for one in _groups_in(base)] == [Path(running.cgroup or "").name]
                link.stop("enough")
                await _last_word(link)


def _groups_in(base: Path) -> list[Path]:
    return [entry for entry in base.iterdir() if entry.is_dir()]


@pytest.mark.parametrize("frozen", [False, True])
async def test_o7_a_bomb_whose_keeper_was_killed_is_swept_by_the_nursery(
    tmp_path: Path, liveness: Liveness, frozen: bool
) -> None:
    with anyio.fail_after(40):
        async with open_launcher(tmp_path / "log") as launcher:
            command = argv("forks_with_setsid")
            link, running = await _launch(launcher, tmp_path, *command, liveness=liveness)
            group = AgentGroup(running.cgroup or "")
            with link, stranger_in(group.path) as stranger:
                await liveness.wait_here("leader", "forking")
                if frozen:
                    assert group.freeze()

                os.kill(running.keeper.pid, signal.SIGKILL)
                await _hear_out(link)
                swept = await launcher.swept_after(running.keeper.pid, link.nursery or 0)
                await liveness.wait_gone()
                assert stranger.wait() == -signal.SIGKILL

            assert swept is not None
            assert stranger.pid in {note.pid for note in swept}
            assert not there(group.path)


async def test_o7_what_is_swept_of_two_agents_at_once_is_told_of_each_by_itself(
    tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(20):
        async with open_launcher(tmp_path / "log") as launcher:
            command = argv("starts_daemon", "naked")
            one, first = await _launch(launcher, tmp_path, *command, liveness=liveness)
            two, second = await _launch(launcher, tmp_path, *command, liveness=liveness)
            with one, two:
                await liveness.wait_here("daemon", times=2)
                daemons = {guest.pid for guest in liveness.guests if guest.word == "daemon"}
                nursery = one.nursery or 0
                kill_at_once([first.keeper.pid, second.keeper.pid])
                told = [
                    await launcher.swept_after(kept.keeper.pid, nursery) for kept in (first, second)
                ]
                await liveness.wait_gone()

    assert None not in told
    swept = [{note.pid for note in notes or ()} for notes in told]
    assert daemons <= swept[0] | swept[1]
    assert not swept[0] & swept[1]


class LeftLate(AgentGroup):
    """A group whose last member leaves just after the first try to remove it."""

    tries = 0

    def remove(self, limit: float = REMOVE_LIMIT) -> bool:
        self.tries += 1
        return self.tries > 1 and super().remove(limit)


def test_o7_a_group_whose_last_member_leaves_late_is_removed_by_the_nursery() -> None:
    with open_folder() as base:
        made = AgentGroup.make(base, "agent-1")
        assert made is not None
        # It is asked for nothing but that.
        own = cast("_Nursery", None)
        assert _Nursery._sweep_group(own, LeftLate(made.path))  # pyright: ignore[reportPrivateUsage]
        assert not there(made.path)


async def test_o7_a_bomb_is_swept_by_its_record_when_keeper_and_nursery_were_killed(
    tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(40):
        async with open_launcher(tmp_path / "log") as launcher:
            command = argv("forks_with_setsid")
            link, running = await _launch(launcher, tmp_path, *command, liveness=liveness)
            with link:
                await liveness.wait_here("leader", "forking")
                nursery = launcher.nursery_pid or 0
                os.kill(nursery, signal.SIGKILL)
                os.kill(running.keeper.pid, signal.SIGKILL)
                await identity.wait_gone(running.keeper)
                group = recorded_group(running.cgroup, "agent-1")
                assert group is not None
                await sweep(
                    Cookie("of nobody"),
                    variable="COOKIE",
                    not_before=running.leader.start_ticks,
                    cgroup=group,
                    grace=0.2,
                )
                await liveness.wait_gone()

    assert not there(group.path)
    # The base of the nursery that was killed is removed by the next one.
    async with open_launcher(tmp_path / "log"):
        await until(lambda: not there(os.path.dirname(group.path)))  # noqa: PTH120
