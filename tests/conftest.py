"""What every test gets: both backends, and a net under whatever it launches."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from orchestrator.config import COOKIE_VARIABLE
from orchestrator.process import tree
from tests.support.evidence import wait_until

if TYPE_CHECKING:
    from collections.abc import Generator

#: Set for a whole run, so that whatever descends from it can be found, cookie or not.
RUN_VARIABLE = "ORCHESTRATOR_TEST_RUN"

#: Set where what tests need is known to be there, as in the virtual machine of `.ci/machine`.
NO_SKIPS_VARIABLE = "ORCHESTRATOR_TEST_NO_SKIPS"


#: No test says how fast anything is: hypothesis would by itself.
hypothesis.settings.register_profile("untimed", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_configure() -> None:
    """Take interrupts as a terminal's shell gives them: one in the background ignores them.

    Whatever the tests start would inherit that, and rightly do so.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Three processes on two cores: most tests wait for processes more than they compute."""
    cores = os.cpu_count() or 1
    return cores + (cores + 1) // 2


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what would be skipped, where nothing may be."""
    report = yield
    if report.skipped and NO_SKIPS_VARIABLE in os.environ:
        report.outcome = "failed"

    return report


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run every async test on both backends."""
    return str(request.param)


@pytest.fixture(scope="session")
def contract() -> Path:
    """Where the recorded facts of the original server are."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "contract"
    if not folder.is_dir():
        pytest.skip("the recorded contract is not beside this checkout (../shared/contract)")

    return folder


@pytest.fixture(scope="session", autouse=True)
def nobody_is_left() -> Generator[None]:
    """Fail the run when a process with a cookie of ours is left at its end."""
    run = f"{os.getpid()}-{os.urandom(4).hex()}"
    os.environ[RUN_VARIABLE] = run
    yield
    # Whoever is on the way out may take its time on a busy machine.
    with suppress(TimeoutError):
        wait_until(lambda: not _left_of(run), "the end of what the tests started")

    left = _left_of(run)
    assert not left, f"processes of agents are left after the tests: {left}"


def _left_of(run: str) -> list[str]:
    """The processes of agents that descend from a run."""
    return [
        f"{proc.pid} {proc.name}"
        for proc in tree.everyone()
        if proc.pid != os.getpid()
        and not proc.ended
        and (environment := tree.environment(proc.pid)).get(RUN_VARIABLE) == run
        and COOKIE_VARIABLE in environment
    ]
