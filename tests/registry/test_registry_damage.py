"""A registry whose file is damaged, foreign, newer, gone or without room."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from registry_files import flip, of_fifty, set_aside
from registry_records import agent
from test_registry_migration import open_and_die

from orchestrator.errors import GateClosedError, RegistryError
from orchestrator.registry import Registry
from orchestrator.registry.connecting import connect
from orchestrator.registry.faults import DamagedError, explained
from orchestrator.registry.registry import FILE, FOLDER
from orchestrator.registry.schema import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.model import AgentRecord


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a registry that holds 50 agents and is closed."""
    return of_fifty(tmp_path)


def flip_page_of(path: Path, record: AgentRecord) -> None:
    """Damage the page that holds the record of an agent, and some others."""
    at = path.read_bytes().index(f'{{"id":"{record.id}"'.encode())
    flip(path, at // 4096 * 4096, 4096)


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


def test_that_a_file_has_vanished_is_an_error_to_try_again_after_and_no_other_is(
    tmp_path: Path,
) -> None:
    gone = tmp_path / "gone.sqlite3"
    with pytest.raises(sqlite3.OperationalError) as caught:
        connect(gone)

    assert isinstance(explained(caught.value, gone), DamagedError), "so it is tried again"
    gone.mkdir()
    with pytest.raises(sqlite3.OperationalError) as caught:
        connect(gone)

    assert not isinstance(explained(caught.value, gone), DamagedError)
