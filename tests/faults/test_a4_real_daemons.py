"""A4: PostgreSQL, redis and nginx that an agent has started are gone with it, whatever ends."""

from __future__ import annotations

import json
import os
import signal
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest

from orchestrator import AgentSpec, StopPolicy
from orchestrator.process import tree
from tests.support.agents import argv
from tests.support.liveness import Liveness, open_liveness
from tests.support.orchestrators import ChildOrchestrator, open_child
from tests.support.waiting import until

from .real_daemons import KINDS, Daemon, missing, open_daemon

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

#: Seconds for one of these tests; making a PostgreSQL takes a few on a busy machine.
LIMIT: Final = 60.0

#: Time for a database to shut down, and to take its shared memory with it.
ORDERLY: Final = StopPolicy(term_grace=20.0)

pytestmark = pytest.mark.skipif(not tree.HAS_PROC, reason="there is no /proc to find them by")


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    """Each of them."""
    name = str(request.param)
    if missing(name):
        pytest.skip(f"{name} is not installed: there is no {missing(name)}")

    return name


@pytest.fixture
def daemons(kind: str) -> Generator[tuple[Daemon, Daemon]]:
    """Two of a kind, for two agents."""
    with ExitStack() as stack:
        yield (stack.enter_context(open_daemon(kind)), stack.enter_context(open_daemon(kind)))


@pytest.fixture
async def liveness(anyio_backend: str) -> AsyncGenerator[Liveness]:
    """Where agents say that their daemon serves."""
    async with open_liveness() as liveness:
        yield liveness


async def launch(
    child: ChildOrchestrator, liveness: Liveness, daemons: tuple[Daemon, Daemon]
) -> list[dict[str, Any]]:
    """Launch an agent for each; the records of the agents, whose daemons serve."""
    records = [
        await child.launch(
            AgentSpec(argv=argv("starts_real_daemon", *daemon.argv), env=liveness.env, stop=ORDERLY)
        )
        for daemon in daemons
    ]
    errors = [Path(record["files"]["stderr"]) for record in records]

    def complaints() -> str:
        return "".join(path.read_text() for path in errors)

    await until(lambda: len(liveness.here()) == len(daemons) or complaints(), seconds=LIMIT)
    assert not complaints()
    for daemon in daemons:
        check_runs(daemon)

    return records


def check_runs(daemon: Daemon) -> None:
    """It is at work; as root's, under another user."""
    assert daemon.serves()
    processes = [proc for pid in daemon.at_rest() if (proc := tree.read(pid)) is not None]
    assert {proc.name for proc in processes} == {daemon.kind.process}
    owners: set[int] = set()
    for proc in processes:
        with suppress(FileNotFoundError):
            owners.add(Path(f"/proc/{proc.pid}").stat().st_uid)

    if daemon.other is None:
        assert owners == {os.geteuid()}
    else:
        assert daemon.other in owners


def read(file: str) -> dict[str, Any]:
    """What stands in an outcome file; nothing as long as there is none."""
    path = Path(file)
    return json.loads(path.read_text()) if path.exists() else {}


def check_gone(daemon: Daemon, outcome: dict[str, Any], noted: dict[int, int]) -> None:
    """Nobody of it is left, and everyone who was there is listed."""
    assert daemon.processes() == []
    assert not daemon.serves()
    receipt = outcome["receipt"]
    assert receipt["survivors"] == []
    assert {note["pid"] for note in receipt["escapees"]} >= set(noted)


async def test_a_real_daemon_goes_when_its_agent_is_stopped_and_its_neighbour_s_stays(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, daemons: tuple[Daemon, Daemon]
) -> None:
    with anyio.fail_after(LIMIT):
        async with open_child(tmp_path, anyio_backend) as child:
            agent, other = await launch(child, liveness, daemons)
            noted, neighbours = daemons[0].at_rest(), daemons[1].at_rest()
            record = await child.ask("stop", id=agent["id"], reason="enough")
            check_gone(daemons[0], record["state"]["outcome"], noted)
            assert record["state"]["outcome"]["left_behind"] == []
            assert daemons[1].at_rest() == neighbours
            assert daemons[1].serves()
            record = await child.ask("stop", id=other["id"], reason="enough")
            check_gone(daemons[1], record["state"]["outcome"], neighbours)


async def test_a_real_daemon_goes_when_its_agent_ends_and_its_neighbour_s_stays(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, daemons: tuple[Daemon, Daemon]
) -> None:
    with anyio.fail_after(LIMIT):
        async with open_child(tmp_path, anyio_backend) as child:
            agent, other = await launch(child, liveness, daemons)
            noted, neighbours = daemons[0].at_rest(), daemons[1].at_rest()
            daemons[0].let_agent_end()
            record = await child.ask("wait", id=agent["id"])
            outcome = record["state"]["outcome"]
            check_gone(daemons[0], outcome, noted)
            assert outcome["verdict"] == "completed"
            assert {note["pid"] for note in outcome["left_behind"]} >= set(noted)
            assert daemons[1].at_rest() == neighbours
            assert daemons[1].serves()
            await child.ask("stop", id=other["id"], reason="enough")


async def test_real_daemons_go_when_the_orchestrator_is_killed(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, daemons: tuple[Daemon, Daemon]
) -> None:
    with anyio.fail_after(LIMIT):
        async with open_child(tmp_path, anyio_backend) as child:
            records = await launch(child, liveness, daemons)
            noted = [daemon.at_rest() for daemon in daemons]
            child.signal(signal.SIGKILL)
            assert await child.wait() == -signal.SIGKILL
            for daemon, record, pids in zip(daemons, records, noted, strict=True):
                outcome = await until(partial(read, record["files"]["outcome"]), seconds=LIMIT)
                check_gone(daemon, outcome, pids)
