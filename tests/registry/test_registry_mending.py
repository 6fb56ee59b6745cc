"""A registry whose file is damaged under the processes that use it: what they know survives."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from registry_records import LOST, RUNNING, agent, run, task
from test_registry_processes import run_together

from orchestrator.errors import GateClosedError
from orchestrator.model import AgentId, OrchestratorId
from orchestrator.registry import Registry
from orchestrator.registry.registry import FILE, FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

#: Agents that each survivor takes from start to end around one damage.
STEPS = 20

SURVIVOR_PROGRAM = Path(__file__).with_name("registry_survivor.py")


def flip(path: Path, offset: int, length: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset : offset + length] = bytes(b ^ 0xFF for b in content[offset : offset + length])
    path.write_bytes(content)


def overwrite_header(path: Path) -> None:
    flip(path, 0, 100)


def overwrite_all(path: Path) -> None:
    path.write_bytes(b"{}\n" * (path.stat().st_size // 3 + 1))


def overwrite_middle(path: Path) -> None:
    flip(path, 4096, path.stat().st_size - 4096)


def truncate_to_nothing(path: Path) -> None:
    os.truncate(path, 0)


def truncate_to_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def write_an_empty_database_over_it(path: Path) -> None:
    other = path.with_name("empty")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("VACUUM")

    path.write_bytes(other.read_bytes())
    other.unlink()


def write_an_older_copy_over_it(path: Path) -> None:
    other = path.parent.parent / "older"
    with Registry.open(other) as registry:
        for number in range(50):
            registry.agents.add(agent(f"other-{number}"))

    path.write_bytes((other / FOLDER / FILE).read_bytes())


def replace_by_an_empty_database(path: Path) -> None:
    write_an_empty_database_over_it(path.with_name("replacement"))
    path.with_name("replacement").rename(path)


def replace_by_another_registry(path: Path) -> None:
    other = path.parent.parent / "other"
    with Registry.open(other) as registry:
        for number in range(50):
            registry.agents.add(agent(f"other-{number}"))

    (other / FOLDER / FILE).rename(path)


def delete(path: Path) -> None:
    path.unlink()


def delete_what_belongs_to_it(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()


def delete_all(path: Path) -> None:
    delete(path)
    delete_what_belongs_to_it(path)


DAMAGES = (
    overwrite_header,
    overwrite_all,
    overwrite_middle,
    truncate_to_nothing,
    truncate_to_half,
    write_an_empty_database_over_it,
    write_an_older_copy_over_it,
    replace_by_an_empty_database,
    replace_by_another_registry,
    delete,
    delete_all,
    delete_what_belongs_to_it,
)


def checkpoint(path: Path) -> None:
    """Bring everything from the log into the file itself, so that damage to that is damage."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)


def use(registry: Registry, how: str, live: AgentId) -> None:
    """Use a registry in one way; a look at it finds what the cache may hide."""
    match how:
        case "read":
            registry.agents.find()
        case "change":
            registry.agents.set_state(live, LOST)
        case "add":
            registry.agents.add(agent("newcomer"))
        case "gate":
            registry.agents.close_gate(live)
        case _:
            pass

    registry.check()


def own(lines: Iterable[str]) -> list[str]:
    """Leave out what another file brought in that was put in the place of ours."""
    return sorted(line for line in lines if not line.startswith("other-"))


@pytest.mark.parametrize(
    ("damage", "how", "saved"),
    [
        *itertools.product(DAMAGES, ["check", "change"], [True, False]),
        *itertools.product([overwrite_all, truncate_to_half], ["read", "add", "gate"], [True]),
    ],
)
def test_what_this_process_knows_survives_damage_under_it(
    tmp_path: Path, damage: Callable[[Path], None], how: str, saved: bool
) -> None:
    with Registry.open(tmp_path) as registry:
        registry.orchestrators.add(run())
        registry.tasks.add(task(tmp_path))
        live, ended = agent("live", state=RUNNING), agent("ended", state=RUNNING)
        for each in (live, ended, agent("below", parent="ended", depth=2)):
            registry.agents.add(each)

        registry.agents.set_state(ended.id, LOST)
        registry.agents.close_gate(AgentId("below"))
        if saved:
            checkpoint(registry.path)

        damage(registry.path)
        use(registry, how, live.id)

        expected = [
            "below starting",
            "ended lost",
            f"live {'lost' if how == 'change' else 'running'}",
        ]
        expected += ["newcomer starting"] if how == "add" else []
        assert own(f"{each.id} {each.state.kind}" for each in registry.agents.find()) == expected
        # another process, which has nothing of it in its memory
        (shown,) = run_together(tmp_path, "show", ["reader"])
        assert own(shown) == expected
        assert len(shown) in {len(expected), len(expected) + 50}, "a file is mixed with another one"

    with Registry.open(tmp_path) as registry:
        assert run() in registry.orchestrators.all()
        assert task(tmp_path) in registry.tasks.all()
        assert own(each.id for each in registry.agents.find(live=True)) == [
            line.split()[0] for line in expected if not line.endswith(" lost")
        ]
        with pytest.raises(GateClosedError):
            registry.agents.add(agent(parent="below", depth=3))


class Survivor:
    """A process of its own that uses a registry; see the program."""

    def __init__(self, workspace: Path, name: str) -> None:
        """Start it."""
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, SURVIVOR_PROGRAM, workspace, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def order(self, line: str) -> None:
        """Tell it to do something."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def hear(self, lines: int) -> None:
        """Wait for so many lines."""
        assert self.process.stdout is not None
        for _ in range(lines):
            assert self.process.stdout.readline(), f"{self.name} has ended"

    def wait_done(self) -> None:
        """Wait until it has done what it was told."""
        assert self.process.stdout is not None
        while (line := self.process.stdout.readline()) != "done\n":
            assert line, f"{self.name} has ended"


@pytest.fixture
def survivors(tmp_path: Path) -> Iterator[list[Survivor]]:
    """Three processes on one workspace."""
    with ExitStack() as stack:
        started = [Survivor(tmp_path, name) for name in ("north", "east", "south")]
        for each in started:
            stack.enter_context(each.process)
            stack.callback(each.process.kill)

        for each in started:
            each.wait_done()

        yield started


@contextmanager
def suspended(survivors: list[Survivor]) -> Generator[None]:
    """Let all of them stand still, wherever they are."""
    for each in survivors:
        each.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, each.process.pid, os.WSTOPPED)

    try:
        yield
    finally:
        for each in survivors:
            each.process.send_signal(signal.SIGCONT)


def live_by_owner(registry: Registry, survivors: list[Survivor]) -> dict[str, int]:
    """How many agents of each survivor are live; an older copy may bring others."""
    counts = Counter(each.owner for each in registry.agents.find(live=True))
    return {each.name: counts[OrchestratorId(f"orc-{each.name}")] for each in survivors}


@pytest.mark.parametrize("damage", DAMAGES)
def test_several_processes_end_up_in_one_file_with_all_that_they_know(
    tmp_path: Path, survivors: list[Survivor], damage: Callable[[Path], None]
) -> None:
    path = tmp_path / FOLDER / FILE
    for each in survivors:
        each.order("start 20")
        each.order("live 20")

    for each in survivors:
        each.wait_done()
        each.wait_done()

    checkpoint(path)
    damage(path)
    for each in survivors:
        each.order("check")

    for each in survivors:
        each.wait_done()

    with Registry.open(tmp_path) as registry:
        assert len(registry.orchestrators.all()) == 3
        assert live_by_owner(registry, survivors) == {"north": 20, "east": 20, "south": 20}
        assert {each.id for each in registry.agents.find()} >= {
            f"{each.name}-{number}" for each in survivors for number in range(40)
        }

    for each in survivors:
        each.order("end")
        each.wait_done()

    with Registry.open(tmp_path) as registry:
        assert live_by_owner(registry, survivors) == {"north": 0, "east": 0, "south": 0}


def test_whatever_happens_to_the_file_in_the_midst_of_changes_no_agent_is_lost(
    tmp_path: Path, survivors: list[Survivor]
) -> None:
    path = tmp_path / FOLDER / FILE
    for each in survivors:
        each.order("start 10")
        each.wait_done()

    for damage in DAMAGES:
        for each in survivors:
            each.order(f"live {STEPS}")
            each.order("check")

        survivors[0].hear(STEPS // 4)
        # One damage at a time: some take several calls, and nobody mends between them.
        with suspended(survivors), suppress(FileNotFoundError):
            damage(path)

        # Everyone has met it, and gone over to a sound file.
        for each in survivors:
            each.wait_done()
            each.wait_done()

    # As long as one of them puts another file there: a process with agents looks when it is told
    # of that by the folder.
    files = [0]
    while files[-1] != path.stat().st_ino:
        files.append(path.stat().st_ino)
        for each in survivors:
            each.order("check")
            each.wait_done()

    with Registry.open(tmp_path) as registry:
        assert live_by_owner(registry, survivors) == {"north": 10, "east": 10, "south": 10}
        assert {each.id for each in registry.agents.find()} >= {
            f"{each.name}-{number}"
            for each in survivors
            for number in range(10 + STEPS * len(DAMAGES))
        }
