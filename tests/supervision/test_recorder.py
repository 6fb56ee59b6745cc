"""What cannot be recorded waits, no more of it than matters, and is recorded when it can be."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from orchestrator.model import (
    AgentRecord,
    Lost,
    begin_stop,
    freeze,
    thaw,
)
from orchestrator.registry import Registry
from orchestrator.registry.database import Database
from orchestrator.registry.registry import FILE, FOLDER
from orchestrator.supervision.recorder import Recorder
from tests.registry.registry_records import NOW, RUNNING, agent
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

FROZEN = freeze(RUNNING, NOW)
STOPPING = begin_stop(RUNNING, NOW, "asked to")
LOST = Lost(at=NOW, reason="its keeper was killed")


class Place:
    """A registry that somebody may make unwritable for a while, as a full disk does."""

    def __init__(self, database: Database) -> None:
        self.registry = Registry(database)
        self.path = database.path
        with database.write() as connection:
            connection.execute("PRAGMA busy_timeout = 1")

    @contextmanager
    def unwritable(self) -> Generator[None]:
        """Let it be read and not written for the length of the block."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    def add(self, name: str) -> AgentRecord:
        """Add an agent that is about to start."""
        record = agent(name, task_id=None)
        self.registry.agents.add(record)
        return record


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A registry of one's own."""
    with Database.open(tmp_path / FOLDER / FILE) as database:
        yield Place(database)


def test_what_can_be_recorded_is_recorded_at_once(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(place.registry)
    record = place.add("a")
    for state in (RUNNING, FROZEN, thaw(FROZEN), STOPPING, LOST):
        record = recorder.record(record.id, state, record)
        assert record.state == state
        assert place.registry.agents.get(record.id) == record

    assert recorder.waiting == recorder.flush() == 0
    assert caplog.records == []


def test_what_cannot_be_recorded_is_known_and_recorded_later(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(place.registry)
    one, two = place.add("one"), place.add("two")
    with place.unwritable():
        one = recorder.record(one.id, RUNNING, one)
        assert one.state == RUNNING
        one = recorder.record(one.id, STOPPING, one)
        two = recorder.record(two.id, LOST, two)
        one = recorder.record(one.id, LOST, one)
        assert (one.state, two.state) == (LOST, LOST)
        assert place.registry.agents.find(live=True) == place.registry.agents.find()
        assert recorder.waiting == 2
        assert not recorder.catch_up()

    (said,) = caplog.records
    assert said.levelno == logging.ERROR
    assert "cannot record that agent one is running" in said.getMessage()
    assert said.getMessage().endswith("1 changes wait")

    assert recorder.catch_up()
    assert place.registry.agents.find() == [one, two]
    assert recorder.waiting == 0
    assert "recorded what had waited of 2 agents" in caplog.text

    caplog.clear()
    assert recorder.catch_up()
    assert caplog.records == []


def test_a_change_that_comes_when_there_is_room_again_brings_what_waited(place: Place) -> None:
    recorder = Recorder(place.registry)
    record = place.add("a")
    with place.unwritable():
        record = recorder.record(record.id, RUNNING, record)
        record = recorder.record(record.id, FROZEN, record)
        assert recorder.waiting == 2, "frozen cannot follow starting: running must come between"

    record = recorder.record(record.id, STOPPING, record)
    assert place.registry.agents.get(record.id) == record
    assert record.state == STOPPING
    assert recorder.waiting == 0


def test_only_what_matters_of_many_changes_waits(place: Place) -> None:
    recorder = Recorder(place.registry)
    record = place.add("a")
    record = recorder.record(record.id, RUNNING, record)
    with place.unwritable():
        for _ in range(100):
            record = recorder.record(record.id, FROZEN, record)
            record = recorder.record(record.id, thaw(FROZEN), record)

        assert recorder.waiting <= 2
        record = recorder.record(record.id, LOST, record)
        assert recorder.waiting == 1
        later = recorder.record(record.id, STOPPING, record)
        assert later.state == LOST, "the first end stays"

    assert recorder.flush() == 0
    assert place.registry.agents.get(record.id) == record


def test_what_another_process_has_recorded_meanwhile_stands(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(place.registry)
    record = place.add("a")
    record = recorder.record(record.id, RUNNING, record)
    other = begin_stop(RUNNING, NOW, "another asked")
    with place.unwritable():
        record = recorder.record(record.id, FROZEN, record)

    with Registry.open(place.path.parent.parent) as registry:
        registry.agents.set_state(record.id, other)

    assert recorder.catch_up()
    assert recorder.waiting == 0
    assert place.registry.agents.get(record.id).state == other
    assert "stays stopping" in caplog.text

    assert recorder.record(record.id, FROZEN, record).state == other


def test_an_agent_that_was_not_started_is_forgotten_when_there_is_room(place: Place) -> None:
    recorder = Recorder(place.registry)
    refused, gone, ran = place.add("refused"), place.add("gone"), place.add("ran")
    with place.unwritable():
        recorder.remove(refused.id)
        assert recorder.waiting == 1

    place.registry.agents.remove(gone.id)
    recorder.remove(gone.id)
    ran = recorder.record(ran.id, RUNNING, ran)
    recorder.remove(ran.id)

    assert recorder.flush() == 0
    assert place.registry.agents.find() == [ran]


def test_an_agent_that_is_not_in_the_registry_costs_nobody_anything(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(place.registry)
    record = place.add("a")
    place.registry.agents.remove(record.id)

    assert recorder.record(record.id, RUNNING, record).state == RUNNING
    assert recorder.waiting == 0
    assert "not in the registry" in caplog.text


def test_what_stays_unrecorded_at_the_end_is_said(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(place.registry)
    record = place.add("a")
    with place.unwritable():
        recorder.record(record.id, LOST, record)
        assert recorder.flush() == 1

    assert "1 changes stay unrecorded" in caplog.text


async def test_what_waits_is_recorded_without_anybody_asking(place: Place) -> None:
    recorder = Recorder(place.registry, pause=0.01)
    record = place.add("a")
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(recorder.keep)
            with place.unwritable():
                record = recorder.record(record.id, LOST, record)

            await until(lambda: recorder.waiting == 0)
            group.cancel_scope.cancel()

    assert place.registry.agents.get(record.id) == record


async def test_a_registry_that_is_lost_is_there_again_without_anybody_asking(place: Place) -> None:
    recorder = Recorder(place.registry, pause=0.01)
    record = place.add("a")
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(recorder.keep)
            place.path.unlink()
            await until(place.path.exists)
            group.cancel_scope.cancel()

    with Registry.open(place.path.parent.parent) as registry:
        assert registry.agents.find() == [record]
