"""Nursery and keepers by themselves: what they start, how they die, what they leave on disk."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.errors import LaunchError
from orchestrator.model import ExitedWithCode, KilledBySignal, Limits
from orchestrator.process import tree
from orchestrator.process.launcher import Launcher, open_launcher
from orchestrator.process.link import KeeperLink
from orchestrator.process.messages import limits_message, policy_message, read_report
from orchestrator.process.wire import encode
from tests.support.agents import PATIENT, QUICK, argv
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from orchestrator import StopPolicy
    from orchestrator.process.messages import KeeperReport
    from orchestrator.process.wire import LaunchMessage
    from tests.support.liveness import Liveness


@pytest.fixture
async def launcher(nobody_below: None, tmp_path: Path) -> AsyncGenerator[Launcher]:
    """A launcher with its nursery."""
    async with open_launcher(tmp_path / "log") as launcher:
        yield launcher


def _order(
    folder: Path,
    *command: str,
    liveness: Liveness | None = None,
    stop: StopPolicy = QUICK,
) -> LaunchMessage:
    (folder / "in").touch()
    return {
        "agent_id": "agent",
        "path": command[0],
        "argv": list(command),
        "env": {**os.environ, **(liveness.env if liveness else {})},
        "cwd": str(folder),
        "prompt": str(folder / "in"),
        "stdout": str(folder / "out"),
        "stderr": str(folder / "err"),
        "outcome": str(folder / "outcome"),
        "log": str(folder / "log"),
        "policy": policy_message(stop),
        "limits": limits_message(Limits()),
        "door": None,
        "orphan_limit": None,
    }


async def _last_word(link: KeeperLink) -> KeeperReport:
    while (message := await link.next_message()) is not None:
        if message["event"] == "ended":
            return read_report(message["outcome"])

    raise AssertionError("the keeper ended without a last word")


async def test_a_launcher_that_is_closed_at_once_leaves_nobody(tmp_path: Path) -> None:
    with anyio.fail_after(5):
        async with open_launcher(tmp_path / "log"):
            pass


async def test_an_agent_leads_its_session_and_its_keeper_stands_in_another(
    launcher: Launcher, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(10):
        order = _order(tmp_path, *argv("waits"), liveness=liveness, stop=PATIENT)
        link, running = await launcher.launch(order)
        with link:
            leader, keeper = tree.read(running.leader.pid), tree.read(running.keeper.pid)
            assert leader is not None
            assert keeper is not None
            assert leader.pid == leader.pgid == leader.sid
            assert keeper.pid == keeper.pgid == keeper.sid
            assert leader.ppid == keeper.pid
            assert keeper.ppid == launcher.nursery_pid
            link.stop("enough")
            report = await _last_word(link)

    assert report.exit == KilledBySignal(signal=signal.SIGTERM)


async def test_what_an_agent_inherits_is_three_descriptors_and_no_signal(
    launcher: Launcher, tmp_path: Path
) -> None:
    with anyio.fail_after(10):
        command = ("/bin/sh", "-c", "ls /proc/self/fd && exec cat /proc/self/status")
        link, _ = await launcher.launch(_order(tmp_path, *command))
        with link:
            report = await _last_word(link)

    assert report.exit == ExitedWithCode(code=0)
    descriptors, _, status = (tmp_path / "out").read_text().partition("Name:")
    assert descriptors.split() == ["0", "1", "2", "3"], "the fourth is the folder that ls reads"
    masks = dict(line.split(":\t", 1) for line in status.splitlines() if line.startswith("Sig"))
    assert {masks[name] for name in ("SigBlk", "SigIgn", "SigCgt")} == {"0" * 16}


async def test_what_a_keeper_says_is_on_disk_first_and_the_same(
    launcher: Launcher, tmp_path: Path
) -> None:
    with anyio.fail_after(10):
        link, _ = await launcher.launch(_order(tmp_path, *argv("ends", "code", "7")))
        with link:
            said = await _last_word(link)

    outcome = tmp_path / "outcome"
    assert read_report(json.loads(outcome.read_text())) == said
    assert said.exit == ExitedWithCode(code=7)
    assert outcome.stat().st_mode & 0o777 == 0o600
    assert "agent agent" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("number", "killed"), [(signal.SIGTERM, False), (signal.SIGHUP, False), (signal.SIGQUIT, True)]
)
async def test_a_keeper_takes_signals_for_a_stop_and_sigquit_for_a_kill(
    launcher: Launcher,
    tmp_path: Path,
    liveness: Liveness,
    number: signal.Signals,
    killed: bool,
) -> None:
    habit = "ignores_signals" if killed else "waits"
    order = _order(tmp_path, *argv(habit), liveness=liveness, stop=PATIENT)
    with anyio.fail_after(10):
        link, running = await launcher.launch(order)
        with link:
            await liveness.wait_here("leader")
            os.kill(running.keeper.pid, number)
            report = await _last_word(link)

    assert report.requested
    assert report.exit == KilledBySignal(signal=signal.SIGKILL if killed else signal.SIGTERM)
    assert report.receipt is not None
    assert report.receipt.reason == f"{number.name} to its keeper"


async def test_o3_a_broken_lifeline_stops_the_agent_with_its_grace_and_the_end_is_on_disk(
    launcher: Launcher, tmp_path: Path, liveness: Liveness
) -> None:
    work = tmp_path / "work"
    command = argv("saves_its_work", str(work))
    with anyio.fail_after(20):
        link, _ = await launcher.launch(_order(tmp_path, *command, liveness=liveness, stop=PATIENT))
        await liveness.wait_here("leader")
        link.close()
        await liveness.wait_gone()
        await until((tmp_path / "outcome").exists)

    report = read_report(json.loads((tmp_path / "outcome").read_text()))
    assert work.read_text() == "saved"
    assert report.exit == ExitedWithCode(code=0)
    assert report.receipt is not None
    assert report.receipt.reason == "its orchestrator is gone"


@pytest.mark.parametrize("sent", ["nothing", "half", "garbage"])
async def test_o3_an_order_that_is_cut_off_starts_nothing(
    launcher: Launcher, tmp_path: Path, liveness: Liveness, sent: str
) -> None:
    order = encode(_order(tmp_path, *argv("waits"), liveness=liveness))
    said = {"nothing": b"", "half": order[: len(order) // 2], "garbage": b"garbage\n"}[sent]
    nursery = launcher._nursery  # pyright: ignore[reportPrivateUsage]
    assert nursery is not None
    with anyio.fail_after(10):
        link = await launcher._ask(nursery)  # pyright: ignore[reportPrivateUsage]
        assert link is not None
        with link:
            link._channel.send(said)  # pyright: ignore[reportPrivateUsage]

        # A keeper that took no order ends; the nursery goes on and serves the next one.
        link, _ = await launcher.launch(_order(tmp_path, *argv("ends", "code", "0")))
        with link:
            await _last_word(link)

    assert liveness.guests == []


async def test_o7_a_nursery_that_is_killed_is_replaced_and_its_keepers_live_on(
    launcher: Launcher, tmp_path: Path, liveness: Liveness
) -> None:
    first = launcher.nursery_pid
    assert first is not None
    with anyio.fail_after(10):
        one, _ = await launcher.launch(_order(tmp_path, *argv("waits"), liveness=liveness))
        await liveness.wait_here("leader")
        os.kill(first, signal.SIGKILL)
        # At once, and so likely before its end was noticed.
        two, _ = await launcher.launch(_order(tmp_path, *argv("ends", "code", "0")))
        with one, two:
            assert (await _last_word(two)).exit == ExitedWithCode(code=0)
            await until(lambda: launcher.nursery_pid not in {None, first})
            await until(lambda: tree.read(first) is None)
            assert liveness.here() != []
            one.stop("enough")
            await _last_word(one)


async def test_o7_what_a_nursery_sweeps_after_a_killed_keeper_is_told(
    launcher: Launcher, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(15):
        order = _order(tmp_path, *argv("starts_daemon", "naked"), liveness=liveness)
        link, running = await launcher.launch(order)
        with link:
            await liveness.wait_here("leader", "daemon")
            os.kill(running.keeper.pid, signal.SIGKILL)
            while await link.next_message() is not None:
                pass

            assert link.nursery is not None
            swept = await launcher.swept_after(running.keeper.pid, link.nursery)
            await liveness.wait_gone()

    assert swept is not None
    assert liveness.pid("daemon") in {note.pid for note in swept}


async def test_o7_nobody_waits_for_the_report_of_a_nursery_that_is_dead(
    launcher: Launcher,
) -> None:
    first = launcher.nursery_pid
    assert first is not None
    with anyio.fail_after(5):
        os.kill(first, signal.SIGKILL)
        assert await launcher.swept_after(keeper=1, nursery=first) is None


async def test_a_refused_launch_names_what_was_refused(launcher: Launcher, tmp_path: Path) -> None:
    order = _order(tmp_path, "/bin/true")
    refusals: list[tuple[str, LaunchMessage]] = [
        ("prompt", {**order, "prompt": str(tmp_path / "no")}),
        ("stdout", {**order, "stdout": str(tmp_path / "no" / "out")}),
        ("stderr", {**order, "stderr": str(tmp_path)}),
        ("cannot run in", {**order, "cwd": str(tmp_path / "no")}),
        ("cannot execute", {**order, "path": str(tmp_path / "in")}),
        ("cannot execute", {**order, "env": {"A=B": ""}}),
    ]
    with anyio.fail_after(10):
        for what, refused in refusals:
            with pytest.raises(LaunchError, match=what) as caught:
                await launcher.launch(refused)

            assert caught.value.errno

        nursery = launcher.nursery_pid
        link, _ = await launcher.launch(order)
        with link:
            assert (await _last_word(link)).exit == ExitedWithCode(code=0)

    assert launcher.nursery_pid == nursery


async def test_a_refusal_that_came_before_the_order_is_heard(
    launcher: Launcher, tmp_path: Path
) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(encode({"event": "refused", "stage": "fork", "errno": errno.EAGAIN}))

    with anyio.fail_after(10), pytest.raises(LaunchError, match="cannot fork"):
        await launcher.launch(_order(tmp_path, "/bin/true"), KeeperLink(ours, None))


async def test_a_stop_that_comes_with_the_order_finds_the_agent(
    launcher: Launcher, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(10):
        link, _ = await launcher.launch(
            _order(tmp_path, *argv("ignores_signals"), liveness=liveness)
        )
        with link:
            for number in range(50):
                link.stop(f"reason {number}")

            report = await _last_word(link)

    assert report.receipt is not None
    assert report.receipt.reason == "reason 0"
