"""Who is gone, and who has only ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from benchmarks.departures import Departures
from benchmarks.ground import open_ground

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="departures are seen by pidfds, which only Linux has"
)

QUIET = 0.3


def nobody() -> None:
    """Reap nobody."""


@pytest.fixture
def child() -> Generator[subprocess.Popen[bytes]]:
    """Give a child that stays."""
    with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE) as one:
        yield one
        one.kill()


@pytest.fixture(params=["told", "looked for"])
def tells(request: pytest.FixtureRequest) -> bool | None:
    """Let the kernel tell, where it does, or look at the zombies instead."""
    return None if request.param == "told" else False


def test_a_zombie_is_not_gone_until_it_is_reaped(
    child: subprocess.Popen[bytes], tells: bool | None
) -> None:
    with Departures([child.pid], nobody, tells=tells) as departures:
        child.kill()
        assert departures.wait([child.pid], quiet=QUIET) == {child.pid}
        assert departures.gone == {}
        child.wait()
        assert departures.wait([child.pid], quiet=30.0) == set()
        assert departures.gone.keys() == {child.pid}


def test_who_falls_to_the_one_who_waits_is_reaped_by_it(
    child: subprocess.Popen[bytes], tells: bool | None
) -> None:
    def reap() -> None:
        with suppress(ChildProcessError):
            os.waitpid(child.pid, os.WNOHANG)

    with Departures([child.pid], reap, tells=tells) as departures:
        child.send_signal(signal.SIGTERM)
        assert departures.wait([child.pid], quiet=30.0) == set()


def test_who_stays_is_left(child: subprocess.Popen[bytes]) -> None:
    with Departures([child.pid], nobody) as departures:
        assert departures.wait([child.pid], quiet=QUIET) == {child.pid}


def test_who_stays_is_waited_for_less_long_when_nobody_is_there_to_end_it(
    child: subprocess.Popen[bytes],
) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as ender:
        pids = [child.pid, ender.pid]
        with Departures(pids, nobody) as departures:
            ender.wait()
            left = departures.wait([child.pid], quiet=600.0, enders=[ender.pid], after=QUIET)
            assert left == {child.pid}


def test_who_was_gone_before_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as ended:
        pass

    with Departures([ended.pid], nobody) as departures:
        assert departures.wait([ended.pid], quiet=QUIET) == set()


def test_a_helper_that_is_reaped_with_all_others_keeps_its_exit_status() -> None:
    with open_ground() as ground:
        helper = ground.spawn([sys.executable, "-S", "-c", "raise SystemExit(7)"])
        with Departures([helper.pid], ground.reap_all) as departures:
            assert departures.wait([helper.pid], quiet=30.0) == set()

        assert helper.wait() == 7
