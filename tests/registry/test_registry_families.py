"""Families in the registry: gates that close, limits of the agents above, and new owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from registry_records import LOST, OWNER, RUNNING, agent, exited, stopping

from orchestrator.errors import GateClosedError, LimitReachedError, NotFoundError
from orchestrator.model import AgentId, Limits, OrchestratorId
from orchestrator.registry import Registry
from orchestrator.registry.database import Database
from orchestrator.registry.registry import FILE, FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.model import AgentRecord

OTHER = OrchestratorId("orc-000000000002")


def family(registry: Registry) -> dict[str, AgentRecord]:
    """Add: top > (left > (ended > deep), right), and other, which is nobody's."""
    records = [
        agent("other"),
        agent("top", state=RUNNING),
        agent("left", parent="top", depth=2, state=RUNNING),
        agent("right", parent="top", depth=2),
        agent("ended", parent="left", depth=3, state=exited()),
        agent("deep", parent="ended", depth=4, state=stopping()),
    ]
    for each in records:
        registry.agents.add(each)

    return {each.id: each for each in records}


def limited(name: str, limits: Limits, *, parent: str | None = None, depth: int = 1) -> AgentRecord:
    return agent(name, parent=parent, depth=depth).model_copy(update={"limits": limits})


def test_a_closed_gate_returns_the_live_family_parents_first(registry: Registry) -> None:
    known = family(registry)

    assert registry.agents.close_gate(AgentId("top")) == [
        known["top"],
        known["left"],
        known["right"],
        known["deep"],
    ]
    assert registry.agents.close_gate(AgentId("ended")) == [known["deep"]]
    assert registry.agents.close_gate(AgentId("other")) == [known["other"]]


def test_nothing_is_launched_below_a_closed_gate(registry: Registry) -> None:
    family(registry)
    registry.agents.close_gate(AgentId("left"))

    for parent, depth in (("left", 3), ("ended", 4), ("deep", 5)):
        with pytest.raises(
            GateClosedError, match="family of agent left is being stopped"
        ) as caught:
            registry.agents.add(agent(parent=parent, depth=depth))

        assert caught.value.details == {"agent_id": "left"}

    registry.agents.add(agent(parent="right", depth=3))
    registry.agents.add(agent(parent="top", depth=2))
    assert len(registry.agents.find()) == 8


def test_a_closed_gate_holds_for_every_process_and_after_the_end(tmp_path: Path) -> None:
    with Registry.open(tmp_path) as one, Registry.open(tmp_path) as two:
        family(one)
        one.agents.close_gate(AgentId("top"))
        one.agents.set_state(AgentId("top"), LOST)
        with pytest.raises(GateClosedError):
            two.agents.add(agent(parent="right", depth=3))

    with Registry.open(tmp_path) as again, pytest.raises(GateClosedError):
        again.agents.add(agent(parent="right", depth=3))


def test_the_gate_of_an_unknown_agent_cannot_be_closed(registry: Registry) -> None:
    with pytest.raises(NotFoundError, match="ghost"):
        registry.agents.close_gate(AgentId("ghost"))


def test_the_limits_of_an_agent_count_over_all_below_it(registry: Registry) -> None:
    registry.agents.add(limited("top", Limits(max_concurrent=2, max_agents=3)))
    registry.agents.add(agent("child", parent="top", depth=2))
    registry.agents.add(agent("grand", parent="child", depth=3))
    registry.agents.add(agent("stranger"))

    for parent, depth in (("top", 2), ("child", 3), ("grand", 4)):
        with pytest.raises(LimitReachedError, match=r"^Too many active agents below top \(2/2\)$"):
            registry.agents.add(agent(parent=parent, depth=depth), Limits(max_agents=99))

    registry.agents.set_state(AgentId("child"), LOST)
    registry.agents.add(agent(parent="child", depth=3))
    registry.agents.set_state(AgentId("grand"), LOST)
    with pytest.raises(LimitReachedError, match=r"^Max agents reached below top \(3/3\)$"):
        registry.agents.add(agent(parent="child", depth=3))

    registry.agents.add(agent(parent="stranger", depth=2))
    assert len(registry.agents.find()) == 6


def test_each_agent_above_has_limits_of_its_own(registry: Registry) -> None:
    registry.agents.add(limited("top", Limits(max_agents=4)))
    registry.agents.add(limited("left", Limits(max_agents=1), parent="top", depth=2))
    registry.agents.add(limited("right", Limits(max_agents=9), parent="top", depth=2))
    registry.agents.add(agent("below-left", parent="left", depth=3))

    with pytest.raises(LimitReachedError, match=r"below left \(1/1\)"):
        registry.agents.add(agent(parent="below-left", depth=4))

    registry.agents.add(agent("below-right", parent="right", depth=3))
    for parent, depth in (("top", 2), ("right", 3), ("below-right", 4)):
        with pytest.raises(LimitReachedError, match=r"below top \(4/4\)"):
            registry.agents.add(agent(parent=parent, depth=depth))


def test_the_depth_that_an_agent_above_allows_holds(registry: Registry) -> None:
    registry.agents.add(limited("top", Limits(max_depth=2)))
    registry.agents.add(limited("child", Limits(max_depth=None), parent="top", depth=2))

    with pytest.raises(LimitReachedError, match=r"^Max depth reached \(3/2\)"):
        registry.agents.add(agent(parent="child", depth=3))


def test_an_agent_is_adopted_once(tmp_path: Path) -> None:
    record = agent("durable", state=RUNNING)
    third = OrchestratorId("orc-000000000003")
    with Registry.open(tmp_path) as one, Registry.open(tmp_path) as two:
        one.agents.add(record)
        two.agents.find(owner=OWNER)

        adopted = one.agents.adopt(record.id, former=OWNER, owner=OTHER)
        assert adopted == record.model_copy(update={"owner": OTHER})
        assert two.agents.adopt(record.id, former=OWNER, owner=third) is None
        assert two.agents.get(record.id) == adopted
        assert two.agents.find(owner=OWNER) == []
        assert two.agents.find(owner=OTHER) == [adopted]
        assert two.agents.set_state(record.id, LOST).owner == OTHER
        assert one.agents.adopt(record.id, former=OTHER, owner=third) is None

    with Registry.open(tmp_path) as again:
        assert again.agents.get(record.id).owner == OTHER


def test_an_unknown_agent_cannot_be_adopted(registry: Registry) -> None:
    with pytest.raises(NotFoundError, match="ghost"):
        registry.agents.adopt(AgentId("ghost"), former=OWNER, owner=OTHER)


def test_the_searches_over_families_use_an_index(tmp_path: Path) -> None:
    with Database.open(tmp_path / FOLDER / FILE) as database:
        registry = Registry(database)
        registry.agents.add(limited("top", Limits(max_agents=9)))
        registry.agents.add(limited("child", Limits(max_agents=9), parent="top", depth=2))
        seen: list[str] = []
        with database.write() as connection:
            connection.set_trace_callback(seen.append)

        registry.agents.add(agent(parent="child", depth=3))
        registry.agents.close_gate(AgentId("top"))
        with database.write() as connection:
            connection.set_trace_callback(None)

        queries = [query for query in seen if query.startswith(("SELECT", "WITH"))]
        assert len(queries) == 4
        for query in queries:
            plan = " ".join(row[3] for row in database.rows(f"EXPLAIN QUERY PLAN {query}"))
            assert "SCAN agents" not in plan, plan
