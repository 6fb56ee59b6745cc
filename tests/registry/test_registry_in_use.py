"""A registry whose file is deleted, locked, unreadable or without room while it is in use."""

from __future__ import annotations

import fcntl
import itertools
import os
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from registry_files import add_all, flip, of_fifty, set_aside
from registry_records import LOST, OWNER, RUNNING, TASK, agent, finding, progress, run, task

from orchestrator.errors import InvalidInputError, RegistryError
from orchestrator.registry import Registry
from orchestrator.registry.database import Database
from orchestrator.registry.opening import open_file
from orchestrator.registry.registry import FILE, FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a registry that holds 50 agents and is closed."""
    return of_fifty(tmp_path)


def test_a_file_that_is_deleted_in_use_is_made_again_with_all_it_held(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Registry.open(tmp_path) as registry:
        early, late = agent(state=RUNNING), agent()
        registry.orchestrators.add(run())
        registry.tasks.add(task(tmp_path))
        registry.agents.add(early)
        registry.reports.add_progress(progress(early.id, percent=10))
        registry.reports.add_progress(progress(early.id, percent=20))
        registry.reports.add_finding(finding(early.id))

        registry.path.unlink()
        registry.agents.add(late)
        ended = registry.agents.set_state(early.id, LOST)

        assert "deleted or replaced while in use" in caplog.text
        with Registry.open(tmp_path) as another:
            assert another.orchestrators.all() == [run()]
            assert another.tasks.all() == [task(tmp_path)]
            assert another.agents.find() == [ended, late]
            assert [each.progress for each in another.reports.progress(TASK)] == [10, 20]
            assert another.reports.latest_progress(TASK)[early.id].progress == 20
            assert another.reports.counts(TASK) == (2, 1)


def test_a_workspace_that_is_deleted_in_use_is_made_again(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    with Registry.open(workspace) as registry:
        record = agent()
        registry.agents.add(record)
        for each in (workspace / FOLDER).iterdir():
            each.unlink()

        (workspace / FOLDER).rmdir()
        workspace.rmdir()

        assert registry.agents.find() == [record]
        with Registry.open(workspace) as another:
            assert another.agents.find() == [record]


def test_two_users_of_a_deleted_file_meet_again_in_the_new_one(tmp_path: Path) -> None:
    with Registry.open(tmp_path) as one, Registry.open(tmp_path) as two:
        records = [agent() for _ in range(4)]
        one.tasks.add(task(tmp_path))
        one.reports.add_progress(progress(records[0].id))
        one.agents.add(records[0])
        two.agents.add(records[1])

        one.path.unlink()
        one.agents.add(records[2])
        two.agents.add(records[3])

        assert one.agents.find() == two.agents.find() == records
        assert one.reports.counts(TASK) == two.reports.counts(TASK) == (1, 0)
        assert one.orchestrators.find(OWNER) is None


def test_live_agents_are_not_forgotten_when_another_process_sets_the_file_aside(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = path.parent.parent
    with Registry.open(workspace) as one:
        known = one.agents.find()
        path.rename(path.with_name("moved"))
        with Registry.open(workspace) as two:
            assert two.agents.find() == []

            newcomer = agent()
            two.agents.add(newcomer)
            changed = one.agents.set_state(known[0].id, RUNNING)

            assert two.agents.find() == [newcomer, changed, *known[1:]]

    assert "50 records copied" in caplog.text


def test_a_full_disk_changes_nothing_and_room_heals_it(tmp_path: Path) -> None:
    with Database.open(tmp_path / FOLDER / FILE) as database:
        registry = Registry(database)
        with database.write() as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages + 2}")

        offered = [agent() for _ in range(100)]
        with pytest.raises(RegistryError, match=r"make room on the disk.*nothing was changed"):
            add_all(registry, offered)

        stored = len(registry.agents.find())
        assert 0 < stored < 100
        assert registry.agents.find() == offered[:stored]
        with database.write() as connection:
            connection.execute("PRAGMA max_page_count = 100000")

        add_all(registry, offered[stored:])
        assert registry.agents.find() == offered


def test_a_file_that_another_process_keeps_locked_is_a_clear_error(path: Path) -> None:
    with Database.open(path) as database, closing(sqlite3.connect(path)) as other:
        with database.write() as connection:
            connection.execute("PRAGMA busy_timeout = 20")

        other.execute("BEGIN IMMEDIATE")
        registry = Registry(database)
        with pytest.raises(RegistryError, match="another process kept it locked"):
            registry.agents.add(agent())

        assert len(registry.agents.find()) == 50
        other.rollback()
        registry.agents.add(agent())


def test_a_suspended_process_that_holds_the_start_is_named(path: Path) -> None:
    descriptor = os.open(path.parent / "lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(RegistryError, match="held by another process"):
            open_file(path, patience=0.02)
    finally:
        os.close(descriptor)


def test_a_process_that_stands_still_while_it_waits_for_the_start_tries_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptor = os.open(path.parent / "lock", os.O_RDWR)
    pauses = itertools.count(1)
    hours = itertools.count(step=3_600.0)

    class Pause(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if next(pauses) == 3:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

            return super().wait(timeout)

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with monkeypatch.context() as patch:
            patch.setattr(threading, "Event", Pause)
            patch.setattr(time, "monotonic", lambda: next(hours))
            open_file(path, patience=5.0).close()
    finally:
        os.close(descriptor)

    assert next(pauses) == 4


def test_a_file_that_is_locked_at_the_start_is_not_taken_for_damaged(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RegistryError, match="another process kept it locked"):
            open_file(path, patience=0.02)

    assert set_aside(path) == []


def test_what_cannot_be_read_of_a_lost_file_is_said_aloud(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Database.open(path) as database:
        with database.write() as connection:
            connection.execute("PRAGMA cache_size = 0")

        flip(path, 4096, path.stat().st_size - 4096)
        path.rename(path.with_name("moved"))
        registry = Registry(database)
        record = agent()
        registry.agents.add(record)

        assert registry.agents.find() == [record]

    assert "not all can be read of: orchestrators, tasks, agents" in caplog.text


def test_a_record_of_another_version_is_a_clear_error(path: Path) -> None:
    with Database.open(path) as database:
        with database.write() as connection:
            connection.execute("UPDATE agents SET record = '{\"id\": 1}' WHERE sequence = 1")

        with pytest.raises(RegistryError, match="written by another version"):
            Registry(database).agents.find()


def forget_all(database: Database, then: Callable[[sqlite3.Connection], object]) -> None:
    with database.write() as connection:
        connection.execute("DELETE FROM agents")
        then(connection)


def give_up(_: sqlite3.Connection) -> None:
    raise KeyError


def test_a_change_that_fails_half_way_leaves_nothing_behind(path: Path) -> None:
    with Database.open(path) as database:
        registry = Registry(database)
        with pytest.raises(RegistryError, match="no such table"):
            forget_all(database, lambda connection: connection.execute("DELETE FROM nowhere"))

        with pytest.raises(KeyError):
            forget_all(database, give_up)

        assert len(registry.agents.find()) == 50
        registry.agents.add(agent())


def test_a_workspace_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with (
        pytest.raises(RegistryError, match="choose another workspace"),
        Registry.open(tmp_path / "file" / "workspace"),
    ):
        pass


@pytest.mark.parametrize("name", ["relative", "/tmp/b\udcffd"])  # noqa: S108  refused unopened
def test_a_workspace_that_cannot_be_written_down_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInputError, match="absolute"), Registry.open(type(tmp_path)(name)):
        pass


def test_a_closed_registry_says_so(tmp_path: Path) -> None:
    with Registry.open(tmp_path) as registry:
        pass

    with pytest.raises(RegistryError, match="closed"):
        registry.agents.find()

    with pytest.raises(RegistryError, match="closed"):
        registry.agents.add(agent())


def test_an_ended_agent_that_somebody_has_rewritten_is_read_anew(tmp_path: Path) -> None:
    with Registry.open(tmp_path) as registry:
        record = agent()
        registry.agents.add(record)
        registry.agents.set_state(record.id, LOST)
        before = registry.agents.get(record.id)
        assert registry.agents.get(record.id) is before

        with closing(sqlite3.connect(registry.path)) as connection, connection:
            connection.execute(
                "UPDATE agents SET record = json_set(record, '$.agent_type', 'rewritten')"
            )

        assert registry.agents.get(record.id).agent_type == "rewritten"
