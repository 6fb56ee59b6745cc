"""A registry of version 1 of the tables is migrated in place, whoever is killed, or uses it."""

from __future__ import annotations

import logging
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from registry_records import (
    NOW,
    OWNER,
    RUNNING,
    STARTING,
    SURVIVOR,
    TASK,
    agent,
    exited,
    finding,
    later,
    progress,
    run,
    stopping,
    task,
)
from test_registry_processes import run_together

from orchestrator.errors import GateClosedError, RegistryError
from orchestrator.model import (
    AgentId,
    ExitedWithCode,
    Limits,
    Lost,
    OrchestratorId,
    ProviderResult,
)
from orchestrator.registry import Registry, schema
from orchestrator.registry.migration import NoWayError, migrate
from orchestrator.registry.opening import open_file
from orchestrator.registry.registry import FILE, FOLDER

if TYPE_CHECKING:
    from orchestrator.model import AgentRecord

V1 = Path(__file__).with_name("registry_v1.sql")
MORTAL = Path(__file__).with_name("registry_mortal.py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a registry of version 1."""
    path = tmp_path / FOLDER / FILE
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(V1.read_text())

    return path


def ended(name: str) -> AgentRecord:
    outcome = exited("terminated", survivors=(SURVIVOR,)).outcome
    result = ProviderResult(
        session_id="s-1", text="done", cost_usd=0.25, input_tokens=100, output_tokens=20, turns=3
    )
    more = outcome.model_copy(update={"left_behind": (SURVIVOR,), "result": result})
    state = exited().model_copy(update={"outcome": more})
    return agent(name, parent="running", depth=2, state=state, cookie=name)


#: What registry_v1.sql holds.
AGENTS = [
    agent("starting", state=STARTING, cookie="starting"),
    agent("running", state=RUNNING, cookie="running"),
    agent(
        "stopping", state=stopping(end=ExitedWithCode(code=0), requested=False), cookie="stopping"
    ),
    agent(
        "lost",
        state=Lost(at=NOW, reason="the machine was restarted", swept=(SURVIVOR,)),
        cookie="lost",
    ),
    ended("exited"),
]
RUNS = [
    run(OrchestratorId("orc-000000000000")).model_copy(
        update={
            "shutdown_began_at": later(1),
            "shutdown_reason": "SIGTERM",
            "shutdown_done_at": later(2),
        }
    ),
    run(),
]


def check_all(registry: Registry) -> None:
    """All that version 1 wrote is there, and means what it meant."""
    assert registry.orchestrators.all() == RUNS
    assert registry.orchestrators.all(open_only=True) == RUNS[1:]
    assert registry.agents.find() == AGENTS
    assert registry.agents.find(live=True) == AGENTS[:3]
    assert registry.tasks.all() == [
        task(Path("/workspace"), context={"expected_deliverables": ["a report"], "depth": 3})
    ]
    assert registry.reports.progress(TASK) == [progress("running")]
    assert registry.reports.latest_progress(TASK) == {AgentId("running"): progress("running")}
    assert registry.reports.findings(TASK) == [finding("running", line=3)]
    assert AGENTS[1].limits == Limits()
    assert AGENTS[1].created_at == NOW


def version_of(path: Path) -> int:
    """The version, as a program of version 1 reads it: from the header of the file itself."""
    return int.from_bytes(path.read_bytes()[60:64], "big")


def tables_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema ORDER BY name").fetchall()
        return {
            name: connection.execute(f"PRAGMA table_info({name})").fetchall() for (name,) in names
        }


def test_a_registry_of_version_1_is_read_and_written_in_place(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert version_of(path) == 1
    with (
        caplog.at_level(logging.INFO, "orchestrator.registry"),
        Registry.open(path.parent.parent) as registry,
    ):
        assert version_of(path) == schema.VERSION, "a program of version 1 would still take it"
        check_all(registry)
        registry.agents.add(agent("new", parent="running", depth=2))
        registry.agents.close_gate(AgentId("running"))
        with pytest.raises(GateClosedError):
            registry.agents.add(agent(parent="new", depth=3))

    assert "of format 1 until now" in caplog.text
    assert not list(path.parent.glob("*.damaged-*"))


def test_a_migrated_registry_has_the_tables_of_a_new_one(path: Path, tmp_path: Path) -> None:
    with Registry.open(path.parent.parent), Registry.open(tmp_path / "new") as new:
        assert tables_of(path) == tables_of(new.path)


def test_a_migrated_registry_is_migrated_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        with Registry.open(path.parent.parent) as registry:
            check_all(registry)

    assert caplog.records == []


def test_a_file_that_loses_its_version_before_it_is_migrated_is_not_migrated(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 0")
        with pytest.raises(NoWayError, match="unknown format 0"):
            migrate(connection)

        assert not connection.in_transaction


def open_and_die(workspace: Path, number: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, MORTAL, workspace, str(number)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_migration_that_is_killed_at_any_point_is_made_up_for(path: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(path.parent, whole / FOLDER)
    done = open_and_die(whole, 0)
    assert done.returncode == 0, done.stderr
    points = range(1, int(done.stdout) + 1)
    assert len(points) > 10

    for point in points:
        workspace = tmp_path / str(point)
        shutil.copytree(path.parent, workspace / FOLDER)
        assert open_and_die(workspace, point).returncode == -signal.SIGKILL
        with Registry.open(workspace) as registry:
            check_all(registry)

        assert version_of(workspace / FOLDER / FILE) == schema.VERSION


def test_a_migration_that_was_half_written_when_it_was_killed_is_made_up_for(
    path: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(path)) as reader:
        # one that reads meanwhile keeps all that is written in the log
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM agents").fetchall()
        with Registry.open(path.parent.parent):
            file, log = path.read_bytes(), path.with_name(f"{FILE}-wal").read_bytes()

        reader.execute("ROLLBACK")

    assert int.from_bytes(file[60:64], "big") == 1
    for length in {*range(0, len(log), 1000), len(log)}:
        workspace = tmp_path / str(length)
        (workspace / FOLDER).mkdir(parents=True)
        (workspace / FOLDER / FILE).write_bytes(file)
        (workspace / FOLDER / f"{FILE}-wal").write_bytes(log[:length])
        with Registry.open(workspace) as registry:
            check_all(registry)

        assert version_of(workspace / FOLDER / FILE) == schema.VERSION


def test_four_processes_that_migrate_at_once_lose_nothing(path: Path) -> None:
    names = ["north", "east", "south", "west"]

    run_together(path.parent.parent, "live", names)

    with Registry.open(path.parent.parent) as registry:
        agents = registry.agents.find()
        assert agents[:5] == AGENTS
        assert {each.id for each in agents[5:]} == {
            f"{name}-{number}" for name in names for number in range(50)
        }


def test_what_a_program_of_version_1_does_with_a_file_that_is_migrated_under_it(path: Path) -> None:
    """It names its columns, so that the new one changes nothing for it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as v1:
        (before,) = v1.execute("SELECT count(*) FROM agents").fetchone()
        with Registry.open(path.parent.parent) as registry:
            registry.agents.close_gate(AgentId("running"))
            text = AGENTS[0].model_dump_json().replace('"starting"', '"late"', 1)
            v1.execute("BEGIN IMMEDIATE")
            v1.execute(
                "INSERT INTO agents (id, owner, task_id, parent, cookie, state, live, record)"
                " VALUES ('late', ?, ?, NULL, 'late', 'starting', 1, ?)",
                (OWNER, TASK, text),
            )
            v1.execute(
                "UPDATE agents SET state = ?, record = ? WHERE id = 'late'", ("starting", text)
            )
            v1.execute("COMMIT")
            assert v1.execute("SELECT count(*) FROM agents WHERE live = 1").fetchall() == [(4,)]
            assert registry.agents.get(AgentId("late")).id == "late"
            assert len(registry.agents.find()) == before + 1
            registry.agents.add(agent("below-late", parent="late", depth=2))
            with pytest.raises(GateClosedError):
                registry.agents.add(agent(parent="running", depth=2))


def test_a_file_that_a_program_of_version_1_keeps_locked_is_not_migrated_and_not_damaged(
    path: Path,
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as v1:
        v1.execute("BEGIN IMMEDIATE")
        with pytest.raises(RegistryError, match="another process kept it locked"):
            open_file(path, patience=0.02)

        v1.execute("ROLLBACK")

    with Registry.open(path.parent.parent) as registry:
        check_all(registry)
