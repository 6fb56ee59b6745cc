"""Whatever is asked of agents in whatever order, the registry and a plain dict agree."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,  # pyright: ignore[reportUnknownVariableType]  hypothesis leaves it untyped
)
from registry_records import LOST, RUNNING, STARTING, agent, exited, stopping

from orchestrator.errors import LimitReachedError, NotFoundError, RegistryError
from orchestrator.model import LIVE, AgentId, AgentRecord, AgentState, Limits, may_follow
from orchestrator.registry import Registry

LIMITS = Limits(max_agents=9, max_concurrent=4, max_depth=3)

states = st.sampled_from(
    [
        STARTING,
        RUNNING,
        stopping(),
        stopping(requested=False),
        exited(),
        exited("failed"),
        exited("terminated"),
        LOST,
    ]
)


class Lifecycle(RuleBasedStateMachine):
    """A registry beside a dict that knows what it must hold."""

    agents = Bundle[AgentId]("agents")

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.workspace = folder / "workspace"
        self.reopening = self.stack.enter_context(contextlib.ExitStack())
        self.registry = self.reopening.enter_context(Registry.open(self.workspace))
        self.model: dict[AgentId, AgentRecord] = {}
        self.ended: dict[AgentId, AgentRecord] = {}

    @rule(target=agents, parent=st.none() | agents)
    def add(self, parent: AgentId | None) -> AgentId:
        above = self.model.get(parent) if parent is not None else None
        depth = 1 if above is None else above.depth + 1
        record = agent(parent=parent, depth=depth)
        live = sum(each.live for each in self.model.values())
        if parent is not None and above is None:
            with pytest.raises(NotFoundError):
                self.registry.agents.add(record, LIMITS)
        elif live >= 4 or len(self.model) >= 9 or depth > 3:
            with pytest.raises(LimitReachedError):
                self.registry.agents.add(record, LIMITS)
        else:
            self.registry.agents.add(record, LIMITS)
            self.model[record.id] = record

        return record.id

    @rule(name=agents, state=states)
    def change(self, name: AgentId, state: AgentState) -> None:
        before = self.model.get(name)
        if before is None:
            with pytest.raises(NotFoundError):
                self.registry.agents.set_state(name, state)
        elif not before.live:
            assert self.registry.agents.set_state(name, state) == before
        elif may_follow(before.state, state):
            after = self.registry.agents.set_state(name, state)
            assert after == before.model_copy(update={"state": state})
            self.model[name] = after
            if not after.live:
                self.ended[name] = after
        else:
            with pytest.raises(RegistryError):
                self.registry.agents.set_state(name, state)

    @rule(name=agents)
    def remove(self, name: AgentId) -> None:
        before = self.model.get(name)
        # a starting agent has launched nobody; this machine might have let it
        has_children = any(each.parent == name for each in self.model.values())
        if before is not None and before.state.kind == "starting" and not has_children:
            self.registry.agents.remove(name)
            del self.model[name]
        elif before is None or before.state.kind != "starting":
            with pytest.raises((NotFoundError, RegistryError)):
                self.registry.agents.remove(name)

    @rule()
    def reopen(self) -> None:
        self.reopening.close()
        self.registry = self.reopening.enter_context(Registry.open(self.workspace))

    @invariant()
    def registry_and_model_agree(self) -> None:
        records = self.registry.agents.find()
        assert records == list(self.model.values())
        assert self.registry.agents.find(live=True) == [
            each for each in records if each.state.kind in LIVE
        ]
        assert self.registry.agents.find(live=False) == [each for each in records if not each.live]

    @invariant()
    def an_end_is_for_ever(self) -> None:
        for name, record in self.ended.items():
            assert self.registry.agents.get(name) == record

    def teardown(self) -> None:
        self.stack.close()


def test_registry_and_dict_agree_whatever_is_asked() -> None:
    run_state_machine_as_test(
        Lifecycle, settings=settings(max_examples=40, stateful_step_count=30, deadline=None)
    )
