"""Agents in the registry: what is found again, which changes are legal, and how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from registry_records import (
    LOST,
    OWNER,
    RUNNING,
    STARTING,
    TASK,
    agent,
    exited,
    stopping,
)

from orchestrator.errors import LimitReachedError, NotFoundError, RegistryError
from orchestrator.model import (
    AgentId,
    Cookie,
    ExitedWithCode,
    Limits,
    OrchestratorId,
    ProcessNote,
    TaskId,
)
from orchestrator.registry import Registry
from orchestrator.registry.database import Database

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.model import AgentState

OTHER_TASK = TaskId("TASK-20260301-120000-00000002")
OTHER_OWNER = OrchestratorId("orc-000000000002")


def test_an_agent_is_found_again_after_the_registry_was_closed(tmp_path: Path) -> None:
    record = agent(state=RUNNING)
    with Registry.open(tmp_path) as registry:
        registry.agents.add(record)

    with Registry.open(tmp_path) as registry:
        assert registry.agents.get(record.id) == record
        assert registry.agents.by_cookie(record.cookie) == record


def test_an_unknown_agent_is_not_found(registry: Registry) -> None:
    nobody = AgentId("nobody-1")

    with pytest.raises(NotFoundError, match=r"^Agent nobody-1 not found$") as caught:
        registry.agents.get(nobody)

    assert caught.value.details == {"agent_id": "nobody-1"}
    assert registry.agents.by_cookie(Cookie("no such cookie")) is None
    with pytest.raises(NotFoundError, match="nobody-1"):
        registry.agents.set_state(nobody, RUNNING)

    with pytest.raises(NotFoundError, match="nobody-1"):
        registry.agents.remove(nobody)


def test_an_id_and_a_cookie_are_used_once(registry: Registry) -> None:
    record = agent("worker-1")
    registry.agents.add(record)

    with pytest.raises(RegistryError, match="worker-1"):
        registry.agents.add(agent("worker-1"))

    with pytest.raises(RegistryError, match="cookie"):
        registry.agents.add(agent("worker-2", cookie=record.cookie))

    assert registry.agents.find() == [record]


def test_a_life_from_start_to_end_is_recorded(registry: Registry) -> None:
    record = agent()
    registry.agents.add(record)
    swept = stopping(end=ExitedWithCode(code=0), requested=False)

    for state in (RUNNING, stopping(), swept, exited()):
        changed = registry.agents.set_state(record.id, state)
        assert changed == record.model_copy(update={"state": state})
        assert registry.agents.get(record.id) == changed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (STARTING, STARTING),
        (RUNNING, STARTING),
        (RUNNING, RUNNING),
        (stopping(), RUNNING),
        (stopping(), STARTING),
    ],
)
def test_an_illegal_change_is_refused(
    registry: Registry, before: AgentState, after: AgentState
) -> None:
    record = agent(state=before)
    registry.agents.add(record)

    with pytest.raises(RegistryError, match=f"{before.kind} and cannot become {after.kind}"):
        registry.agents.set_state(record.id, after)

    assert registry.agents.get(record.id) == record


@pytest.mark.parametrize("final", [exited("failed"), LOST])
def test_the_first_end_stays(registry: Registry, final: AgentState) -> None:
    record = agent(state=RUNNING)
    registry.agents.add(record)
    ended = registry.agents.set_state(record.id, final)

    for state in (STARTING, RUNNING, stopping(), exited("terminated"), LOST):
        assert registry.agents.set_state(record.id, state) == ended

    assert registry.agents.get(record.id) == ended


def test_an_end_is_recorded_whatever_the_names_of_its_processes(registry: Registry) -> None:
    record = agent(state=RUNNING)
    registry.agents.add(record)
    nasty = ProcessNote(pid=9, name="b\udcffd", session=9)

    registry.agents.set_state(record.id, LOST.model_copy(update={"swept": (nasty,)}))

    state = registry.agents.get(record.id).state
    assert state == LOST.model_copy(update={"swept": (nasty.model_copy(update={"name": "b?d"}),)})


def test_what_another_user_of_the_registry_changed_is_seen_at_once(tmp_path: Path) -> None:
    record = agent(state=RUNNING)
    with Registry.open(tmp_path) as one, Registry.open(tmp_path) as two:
        one.agents.add(record)
        assert one.agents.get(record.id) == two.agents.get(record.id) == record

        changed = one.agents.set_state(record.id, stopping())
        assert two.agents.get(record.id) == two.agents.find(live=True)[0] == changed

        ended = two.agents.set_state(record.id, LOST)
        assert one.agents.set_state(record.id, exited()) == ended
        assert one.agents.by_cookie(record.cookie) == ended


def test_only_what_never_ran_can_be_removed(registry: Registry) -> None:
    refused, ran = agent(), agent()
    registry.agents.add(refused)
    registry.agents.add(ran)
    registry.agents.set_state(ran.id, RUNNING)

    registry.agents.remove(refused.id)
    with pytest.raises(RegistryError, match="running"):
        registry.agents.remove(ran.id)

    assert [each.id for each in registry.agents.find()] == [ran.id]


def test_agents_are_found_by_what_is_given(registry: Registry) -> None:
    first = agent("first", state=RUNNING)
    child = agent("child", parent="first", depth=2)
    ended = agent("ended", state=exited())
    elsewhere = agent("elsewhere", task_id=OTHER_TASK, owner=OTHER_OWNER, state=stopping())
    free = agent("free", task_id=None, state=LOST)
    for each in (first, child, ended, elsewhere, free):
        registry.agents.add(each)

    find = registry.agents.find
    assert find() == [first, child, ended, elsewhere, free]
    assert find(live=True) == [first, child, elsewhere]
    assert find(live=False) == [ended, free]
    assert find(task_id=TASK) == [first, child, ended]
    assert find(task_id=TASK, live=True) == [first, child]
    assert find(owner=OTHER_OWNER) == [elsewhere]
    assert find(owner=OWNER, live=False) == [ended, free]
    assert find(parent=first.id) == [child]
    assert find(task_id=OTHER_TASK, owner=OWNER) == []


def test_descendants_are_all_generations_and_nobody_else(registry: Registry) -> None:
    top = agent("top")
    left, right = agent("left", parent="top", depth=2), agent("right", parent="top", depth=2)
    grand = agent("grand", parent="right", depth=3)
    other = agent("other")
    for each in (top, left, right, grand, other):
        registry.agents.add(each)

    assert registry.agents.descendants(top.id) == [left, right, grand]
    assert registry.agents.descendants(right.id) == [grand]
    assert registry.agents.descendants(other.id) == []


def test_a_parent_must_be_known(registry: Registry) -> None:
    with pytest.raises(NotFoundError, match=r"^Agent ghost-1 not found$"):
        registry.agents.add(agent(parent="ghost-1", depth=2))

    assert registry.agents.find() == []


def test_only_live_agents_count_as_concurrent(registry: Registry) -> None:
    limits = Limits(max_concurrent=2, max_agents=45)
    first = agent()
    registry.agents.add(first, limits)
    registry.agents.add(agent(), limits)

    with pytest.raises(LimitReachedError, match=r"^Too many active agents \(2/2\)$"):
        registry.agents.add(agent(), limits)

    registry.agents.set_state(first.id, LOST)
    registry.agents.add(agent(), limits)
    assert len(registry.agents.find()) == 3


def test_ended_agents_count_towards_all_that_there_may_be(registry: Registry) -> None:
    limits = Limits(max_agents=2)
    registry.agents.add(agent(state=exited()), limits)
    registry.agents.add(agent(state=LOST), limits)

    with pytest.raises(LimitReachedError, match=r"^Max agents reached \(2/2\)$"):
        registry.agents.add(agent(), limits)


def test_depth_is_limited(registry: Registry) -> None:
    limits = Limits(max_depth=2)
    registry.agents.add(agent("top"), limits)
    registry.agents.add(agent("child", parent="top", depth=2), limits)

    with pytest.raises(LimitReachedError, match=r"^Max depth reached \(3/2\)"):
        registry.agents.add(agent(parent="child", depth=3), limits)


def test_limits_count_over_one_task_whoever_launched_its_agents(registry: Registry) -> None:
    limits = Limits(max_agents=1)
    registry.agents.add(agent(), limits)
    registry.agents.add(agent(task_id=OTHER_TASK), limits)

    for task_id, owner in ((TASK, OWNER), (TASK, OTHER_OWNER), (OTHER_TASK, OTHER_OWNER)):
        with pytest.raises(LimitReachedError, match=r"\(1/1\)"):
            registry.agents.add(agent(task_id=task_id, owner=owner), limits)

    registry.agents.add(agent())
    assert len(registry.agents.find(task_id=TASK)) == 2


def test_without_a_task_limits_count_over_one_orchestrator(registry: Registry) -> None:
    limits = Limits(max_agents=1)
    registry.agents.add(agent(), Limits(max_agents=9))
    registry.agents.add(agent(task_id=None), limits)
    registry.agents.add(agent(task_id=None, owner=OTHER_OWNER), limits)

    for owner in (OWNER, OTHER_OWNER):
        with pytest.raises(LimitReachedError, match=r"\(1/1\)"):
            registry.agents.add(agent(task_id=None, owner=owner), limits)


def test_a_limit_of_none_lets_everybody_in(registry: Registry) -> None:
    limits = Limits(max_agents=None, max_concurrent=None, max_depth=None)
    for _ in range(60):
        registry.agents.add(agent(depth=99), limits)

    assert len(registry.agents.find(live=True)) == 60


def test_the_searches_of_a_busy_registry_use_an_index(tmp_path: Path) -> None:
    with Database.open(tmp_path / "registry" / "orchestrator.sqlite3") as database:
        registry = Registry(database)
        seen: list[str] = []
        with database.write() as connection:
            connection.set_trace_callback(seen.append)

        limits = Limits(max_agents=9)
        registry.agents.add(agent(), limits)
        registry.agents.add(agent(task_id=None), limits)
        registry.agents.find(live=True)
        registry.agents.find(task_id=TASK)
        registry.agents.find(owner=OWNER)
        registry.agents.descendants(AgentId("top"))
        registry.agents.by_cookie(Cookie("c"))
        registry.reports.progress(TASK, newest=10)
        registry.reports.latest_progress(TASK)
        with database.write() as connection:
            connection.set_trace_callback(None)

        queries = [query for query in seen if query.startswith(("SELECT", "WITH"))]
        assert len(queries) == 9
        for query in queries:
            plan = " ".join(row[3] for row in database.rows(f"EXPLAIN QUERY PLAN {query}"))
            assert "SCAN agents USING INDEX agents_live" in plan or "SCAN agents" not in plan
            assert "SCAN progress" not in plan
            assert "count(*)" not in query or "COVERING INDEX" in plan
