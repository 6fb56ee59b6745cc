"""A registry whose file is damaged, foreign, newer, gone or without room."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from registry_records import LOST, OWNER, RUNNING, TASK, agent, finding, progress, run, task
from test_registry_migration import open_and_die

from orchestrator.errors import GateClosedError, InvalidInputError, RegistryError
from orchestrator.registry import Registry
from orchestrator.registry.database import Database
from orchestrator.registry.opening import open_file
from orchestrator.registry.registry import FILE, FOLDER
from orchestrator.registry.schema import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orchestrator.model import AgentRecord


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a registry that holds 50 agents and is closed."""
    with Registry.open(tmp_path) as registry:
        for _ in range(50):
            registry.agents.add(agent())

    return tmp_path / FOLDER / FILE


def set_aside(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.damaged-*"))


def flip(path: Path, offset: int, length: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset : offset + length] = bytes(b ^ 0xFF for b in content[offset : offset + length])
    path.write_bytes(content)


def flip_page_of(path: Path, record: AgentRecord) -> None:
    """Damage the page that holds the record of an agent, and some others."""
    at = path.read_bytes().index(f'{{"id":"{record.id}"'.encode())
    flip(path, at // 4096 * 4096, 4096)


def add_all(registry: Registry, records: list[AgentRecord]) -> None:
    for each in records:
        registry.agents.add(each)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="zero length"),
        pytest.param(b"\0" * 8192, id="zeros"),
        pytest.param(b"{}\n" * 3000, id="garbage"),
        pytest.param(b"SQLite format 3\0", id="only the magic"),
    ],
)
def test_a_damaged_file_is_set_aside_and_said_aloud(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(content)

    with Registry.open(path.parent.parent) as registry:
        assert registry.agents.find() == []
        registry.agents.add(agent())

    (aside,) = set_aside(path)
    assert aside.read_bytes() == content
    (warning,) = caplog.records
    assert warning.name == "orchestrator.registry"
    assert warning.levelname == "WARNING"
    assert aside.name in warning.getMessage()


@pytest.mark.parametrize(("keep", "least"), [(4096, 0), (10_000, 0), (100_000, 10), (-4096, 40)])
def test_a_truncated_file_is_set_aside_and_read_as_far_as_it_goes(
    path: Path, keep: int, least: int
) -> None:
    with Registry.open(path.parent.parent) as registry:
        before = registry.agents.find()

    content = path.read_bytes()[:keep]
    path.write_bytes(content)

    with Registry.open(path.parent.parent) as registry:
        found = registry.agents.find()
        assert least <= len(found) < 50
        assert found == [each for each in before if each in found]

    (aside,) = set_aside(path)
    assert aside.read_bytes() == content


def test_damage_in_the_middle_of_the_file_is_seen_at_the_start(path: Path) -> None:
    flip(path, 4096, path.stat().st_size - 4096)

    with Registry.open(path.parent.parent) as registry:
        assert registry.agents.find() == []

    assert len(set_aside(path)) == 1


def test_damage_in_one_place_costs_what_was_there(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Registry.open(path.parent.parent) as registry:
        before = registry.agents.find()
        registry.agents.close_gate(before[0].id)
        registry.agents.close_gate(before[-1].id)

    flip_page_of(path, before[25])

    with Registry.open(path.parent.parent) as registry:
        found = registry.agents.find()
        assert 40 <= len(found) < 50
        assert before[25] not in found
        assert found == [each for each in before if each in found]
        for each in (before[0], before[-1]):
            with pytest.raises(GateClosedError):
                registry.agents.add(agent(parent=each.id, depth=2))

    assert "not all can be read of: agents" in caplog.text
    assert len(set_aside(path)) == 1


def test_a_record_that_was_altered_is_not_believed(path: Path) -> None:
    with Registry.open(path.parent.parent) as registry:
        before = registry.agents.find()

    content = path.read_bytes()
    at = content.index(b'"cookie":"' + before[7].cookie.encode())
    path.write_bytes(content[:at] + b'"cookie":"x' + content[at + 11 :])
    flip_page_of(path, before[25])

    with Registry.open(path.parent.parent) as registry:
        found = registry.agents.find()
        assert 40 <= len(found) < 50
        assert all(each in before for each in found)


def test_setting_aside_that_is_killed_at_any_point_loses_nothing_that_can_be_read(
    path: Path, tmp_path: Path
) -> None:
    with Registry.open(path.parent.parent) as registry:
        damaged = registry.agents.find()[25]

    flip_page_of(path, damaged)
    whole = tmp_path / "whole"
    shutil.copytree(path.parent, whole / FOLDER)
    done = open_and_die(whole, 0)
    assert done.returncode == 0, done.stderr
    with Registry.open(whole) as registry:
        readable = registry.agents.find()

    assert 40 <= len(readable) < 50
    # most steps copy one record each; the last ones give files their names
    steps = int(done.stdout)
    for point in {*range(1, steps, 15), *range(steps - 14, steps + 1)}:
        workspace = tmp_path / str(point)
        shutil.copytree(path.parent, workspace / FOLDER)
        assert open_and_die(workspace, point).returncode == -signal.SIGKILL
        with Registry.open(workspace) as registry:
            assert registry.agents.find() == readable
            assert set_aside(registry.path)

        assert {each.suffix for each in (workspace / FOLDER).iterdir()}.isdisjoint(
            {".new", ".ready"}
        )


def test_the_log_of_a_damaged_file_is_set_aside_with_it(path: Path) -> None:
    path.write_bytes(b"")
    log = path.with_name(f"{path.name}-wal")
    log.write_bytes(b"what was changed last")

    with Registry.open(path.parent.parent) as registry:
        registry.agents.add(agent())

    main, aside_log = set_aside(path)
    assert aside_log.name == f"{main.name}-wal"
    assert aside_log.read_bytes() == b"what was changed last"


def test_the_database_of_another_program_is_kept_under_another_name(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (a)")

    with Registry.open(path.parent.parent) as registry:
        assert registry.agents.find() == []

    (aside,) = set_aside(path)
    with closing(sqlite3.connect(aside)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]


def test_a_registry_of_a_newer_version_is_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")

    before = path.read_bytes()
    names = sorted(each.name for each in path.parent.iterdir())

    with (
        pytest.raises(RegistryError, match=r"newer version .* upgrade") as caught,
        Registry.open(path.parent.parent),
    ):
        pass

    assert caught.value.details == {"path": str(path)}
    assert path.read_bytes() == before
    assert sorted(each.name for each in path.parent.iterdir()) == names


def test_a_first_start_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Registry.open(tmp_path / "a b" / ("long" * 30)) as registry:
        registry.agents.add(agent())

    assert caplog.records == []


def test_a_start_that_was_cut_off_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    (folder / f"{FILE}.new").write_bytes(b"half a data")

    with Registry.open(tmp_path) as registry:
        registry.agents.add(agent())

    assert set_aside(folder / FILE) == []
    assert not (folder / f"{FILE}.new").exists()


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
