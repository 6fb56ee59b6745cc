"""As pid 1 of a container: signals work, strangers are reaped, and agents get their graces."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from orchestrator.config import Settings
from orchestrator.process import init, kernel, tree
from orchestrator.providers import default_providers
from tests.support.agents import argv
from tests.support.evidence import LONG, wait_until
from tests.support.mcp_server import SERVER, STATUSES, World, ends, next_start
from tests.support.roster import FAKE_CLAUDE

from . import pid1
from .pid1 import LIBRARY, UNSHARE, Container, open_container, reaped

if TYPE_CHECKING:
    from collections.abc import Sequence

needs_namespace = pytest.mark.skipif(
    bool(pid1.refusal()), reason=f"no pid namespace can be made, which takes root: {pid1.refusal()}"
)

END_OF_INPUT: Final = "end of input"
RUN: Final = (*SERVER, "run", "--", sys.executable, "-IS", str(FAKE_CLAUDE))

SAVING: Final = "sleep=100 term_save=0.1"
STUBBORN: Final = "sleep=100 ignore=HUP,INT,TERM kids=1 escape=1 daemon=1"


def deploy(container: Container, world: World) -> tuple[str, str]:
    """Deploy an agent that ignores what it can and one that saves its work; the ids of both."""
    container.client.initialize()
    task = container.client.create_task()
    agents = container.client.deploy(task, STUBBORN), container.client.deploy(task, SAVING)
    world.roster.wait_enrolled(5)
    return agents


def start_run(container: Container, world: World, directive: str) -> str:
    """Give `run` its prompt; the id of its agent, which works."""
    container.client.stdin.write(f"[[fake {directive}]]\n".encode())
    container.client.end_input()
    return world.roster.wait_enrolled(1)[0].agent_id


def check(world: World, *agents: str) -> None:
    """The work of the last agent is saved, and it is on record how each ended."""
    assert world.roster.has(f"{agents[-1]}.saved")
    outcomes = world.workspace.rglob("*outcome.json")
    said = {outcome["agent_id"]: outcome for outcome in map(read, outcomes)}
    assert set(said) == set(agents)
    assert all(outcome["requested"] for outcome in said.values())
    known = dict.fromkeys(agents, "terminated")
    # A start goes on while it settles what became of durable agents.
    wait_until(lambda: ends(next_start(world)) == known, "the next start knows")


def read(path: Path) -> dict[str, object]:
    return json.loads(path.read_text())


def freeze(container: Container, number: int) -> None:
    """Stop the nursery, and then its keepers, which it would continue; or with SIGCONT, let go."""
    for name in (init.NURSERY_NAME, init.KEEPER_NAME):
        for proc in container.inside(name):
            os.kill(proc.pid, number)


# ------------------------------------------------------------------------------------- the end
@needs_namespace
@pytest.mark.parametrize(
    ("backend", "way"),
    [
        ("asyncio", "SIGTERM"),
        ("trio", "SIGINT"),
        ("asyncio", "SIGHUP"),
        ("trio", END_OF_INPUT),
    ],
)
def test_a_server_as_pid_1_ends_with_all_graces(world: World, backend: str, way: str) -> None:
    with open_container(world, SERVER, backend) as container:
        agents = deploy(container, world)
        if way == END_OF_INPUT:
            container.client.end_input()
        else:
            container.signal(way)

        assert container.wait() == STATUSES.get(way, 0)
        check(world, *agents)


@needs_namespace
@pytest.mark.parametrize("way", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_run_as_pid_1_ends_with_all_graces(world: World, way: str) -> None:
    with open_container(world, RUN) as container:
        agent = start_run(container, world, SAVING)
        container.signal(way)
        assert container.wait() == STATUSES[way]
        check(world, agent)


@needs_namespace
def test_a_program_with_the_library_as_pid_1_ends_with_all_graces(
    world: World, backend: str
) -> None:
    with open_container(world, (*LIBRARY, "30"), backend) as container:
        container.client.stdin.write(f"[[fake {SAVING}]]\n".encode())
        agent = json.loads(container.client.read_line())["agent"]
        world.roster.wait_agent(agent)
        container.signal("SIGTERM")
        assert container.wait() == 0
        check(world, agent)


@needs_namespace
@pytest.mark.parametrize("program", [SERVER, RUN], ids=["server", "run"])
def test_a_signal_to_a_pid_1_that_is_not_ready_yet_ends_it(
    world: World, program: Sequence[str]
) -> None:
    with open_container(world, program) as container:
        container.signal("SIGTERM")
        assert container.wait() == STATUSES["SIGTERM"]


@needs_namespace
def test_pid_1_waits_for_keepers_that_the_server_does_not_wait_for(world: World) -> None:
    none = {"ORCHESTRATOR_SHUTDOWN_TIMEOUT": "0"}
    with open_container(world, SERVER, variables=none) as container:
        agents = deploy(container, world)
        container.signal("SIGTERM")
        assert container.wait() == STATUSES["SIGTERM"]
        assert "shutdown goes on under the keepers" in world.log
        check(world, *agents)


@needs_namespace
def test_pid_1_waits_for_the_keepers_of_a_server_that_is_killed(world: World) -> None:
    with open_container(world, SERVER) as container:
        agents = deploy(container, world)
        freeze(container, signal.SIGSTOP)
        os.kill(container.main, signal.SIGKILL)
        # The client sees the end of the server, and not only that of the container.
        held = {str(Path(f"/proc/{container.first}/fd/{number}").readlink()) for number in (0, 1)}
        assert held == {os.devnull}
        wait_until(lambda: len(container.children(init.NURSERY_NAME)) == 1, "the nursery is left")
        assert container.client.process.poll() is None
        freeze(container, signal.SIGCONT)
        assert container.wait() == 128 + signal.SIGKILL
        check(world, *agents)


@needs_namespace
@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGKILL", 137)])
def test_pid_1_has_durable_agents_stopped_because_nobody_outlives_it(
    world: World, name: str, status: int
) -> None:
    with open_container(world, SERVER, variables={"ORCHESTRATOR_DURABLE": "1"}) as container:
        agents = deploy(container, world)
        os.kill(container.main, signal.Signals[name])
        assert container.wait() == status
        assert world.log.count("stopped reason='SIGTERM to its keeper'") == len(agents)
        check(world, *agents)


@needs_namespace
def test_pid_1_does_not_wait_for_ever(world: World) -> None:
    with open_container(world, (*LIBRARY, "0.2")) as container:
        container.client.stdin.write(b"[[fake sleep=100]]\n")
        world.roster.wait_enrolled(1)
        freeze(container, signal.SIGSTOP)
        os.kill(container.main, signal.SIGKILL)
        assert container.wait() == 128 + signal.SIGKILL
        said = (world.folder / "stderr").read_text()
        assert "orchestrator: pid 1 cannot wait any longer and ends" in said
        assert "still being stopped get SIGKILL: 1" in said


def test_pid_1_waits_longer_than_any_provider_s_stop() -> None:
    for provider in default_providers(Settings.read({})).values():
        policy = provider.stop
        assert policy.linger + policy.longest + policy.kill_limit < init.LONGEST_STOP


def test_pid_1_knows_keepers_and_nurseries_by_their_names() -> None:
    assert (init.KEEPER_NAME, init.NURSERY_NAME) == (kernel.KEEPER_NAME, kernel.NURSERY_NAME)


# ------------------------------------------------------------------------------------- reaping
@needs_namespace
@pytest.mark.parametrize("program", [SERVER, RUN, (*LIBRARY, "30")], ids=["server", "run", "lib"])
def test_strangers_that_fall_to_pid_1_are_reaped(world: World, program: Sequence[str]) -> None:
    with open_container(world, program) as container:
        for stranger in container.adopt(3):
            os.kill(stranger.pid, signal.SIGTERM)
            wait_until(lambda one=stranger: reaped(one), f"{stranger} is reaped")

        assert container.has_only_its_child()


@needs_namespace
def test_the_escapee_of_a_killed_keeper_is_reaped_when_it_ends(world: World) -> None:
    with open_container(world, SERVER) as container:
        container.client.initialize()
        task = container.client.create_task()
        agent = container.client.deploy(task, "sleep=100 daemon=1")
        world.roster.wait_enrolled(2)
        # Both are found before one of them is gone: a walk meanwhile may miss who is moved.
        names = (init.NURSERY_NAME, init.KEEPER_NAME)
        for pid in [container.inside(name)[0].pid for name in names]:
            os.kill(pid, signal.SIGKILL)

        # Both have fallen to pid 1: the agent, whom the kernel killed, and its daemon.
        wait_until(lambda: f"agent {agent} lost" in world.log, "its end is on record")
        wait_until(container.has_only_its_child, "pid 1 has one child again")


@needs_namespace
def test_exit_statuses_are_not_lost_among_the_strangers(world: World, backend: str) -> None:
    with open_container(world, (*LIBRARY, "30", "25"), backend) as container:
        strangers = container.adopt(20)
        container.client.stdin.write(b"[[fake sleep=100]]\n")
        container.client.read_line()
        for stranger in strangers:
            os.kill(stranger.pid, signal.SIGKILL)

        codes = json.loads(container.client.read_line())["codes"]
        assert codes == [7] * 25
        container.signal("SIGTERM")
        assert container.wait() == 0


@needs_namespace
@pytest.mark.parametrize(("end", "status"), [("exit 7", 7), ("kill -SEGV $$", 139)])
def test_the_exit_status_is_the_agent_s(world: World, end: str, status: int) -> None:
    with open_container(world, (*SERVER, "run", "--", "sh", "-c", end)) as container:
        container.client.end_input()
        assert container.wait() == status


# ------------------------------------------------------------------------------- the terminal
class Terminal:
    """`run` as pid 1 on a terminal of its own, as with ``docker run -it``.

    Attributes:
        master: What a person has before them.
        saved: The file that its agent saves its work to.
    """

    def __init__(self, world: World, seconds: float) -> None:
        self.world = world
        self.saved = world.folder / "saved"
        self.master, self.slave = os.openpty()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(LONG)
        agent = argv("saves_its_work", str(self.saved), str(seconds))
        self.program = ("setsid", "--ctty", *SERVER, "run", "--", *agent)
        self.variables = {"LIVENESS": f"127.0.0.1:{self.listener.getsockname()[1]}"}

    def wait_ready(self) -> None:
        """Wait until the agent is at work."""
        os.close(self.slave)
        connection, _ = self.listener.accept()
        with connection:
            assert connection.recv(64).startswith(b"leader ")


@needs_namespace
@pytest.mark.parametrize(("keys", "status"), [(b"\x03", 130), (b"\x1a\x03", 130), (b"", 129)])
def test_a_terminal_s_signals_come_once_each(world: World, keys: bytes, status: int) -> None:
    terminal = Terminal(world, 0.3)
    with (
        terminal.listener,
        os.fdopen(os.dup(terminal.slave), "wb") as stderr,
        open_container(
            world,
            terminal.program,
            variables=terminal.variables,
            stdin=terminal.slave,
            stdout=terminal.slave,
            stderr=stderr,
        ) as container,
    ):
        stderr.close()
        terminal.wait_ready()
        first = tree.read(container.first)
        assert first is not None
        assert first.sid == first.pid == first.pgid == os.getpgid(container.main)
        if keys:
            os.write(terminal.master, keys)
        else:
            os.close(terminal.master)

        # A second Ctrl-C would have killed it.
        assert container.wait() == status
        assert terminal.saved.read_text() == "saved"


# ---------------------------------------------------------------------------------- not pid 1
@needs_namespace
def test_below_another_init_nothing_changes(world: World) -> None:
    shell = ("sh", "-c", '"$@"; exit $?', "init")
    with pid1.open_lines(
        (*UNSHARE, *shell, *SERVER), env=world.environment(), cwd=world.project
    ) as client:
        client.initialize()
        (first,) = tree.children(client.process.pid)
        (server,) = tree.children(first)

        def names_below() -> list[str]:
            below = [tree.read(pid) for pid in tree.children(server)]
            return [proc.name for proc in below if proc is not None]

        wait_until(lambda: names_below() == [init.NURSERY_NAME], "the server has its nursery alone")
        client.end_input()
        assert client.wait() == 0
