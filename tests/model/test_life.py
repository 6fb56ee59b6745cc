"""The life of an agent as the model allows it: every path, and nothing but legal states."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,  # pyright: ignore[reportUnknownVariableType]  hypothesis leaves it untyped
)
from pydantic import ValidationError

from orchestrator.model import (
    FINAL,
    LIVE,
    AgentFiles,
    AgentRecord,
    AgentState,
    Exited,
    ExitedWithCode,
    Frozen,
    Kept,
    KilledBySignal,
    Lost,
    Outcome,
    ProcessIdentity,
    Running,
    Starting,
    StateKind,
    Stopping,
    StopPolicy,
    Usage,
    freeze,
    may_follow,
    new_agent_id,
    new_cookie,
    new_orchestrator_id,
    thaw,
)

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LEADER = ProcessIdentity(pid=100, start_ticks=5, boot_id="boot")
KEEPER = ProcessIdentity(pid=99, start_ticks=4, boot_id="boot")
FOLDER = Path("/workspace/agents/a")

ends = st.one_of(
    st.builds(ExitedWithCode, code=st.integers(0, 255)),
    st.builds(KilledBySignal, signal=st.sampled_from([1, 2, 9, 15])),
)


def outcome(how: ExitedWithCode | KilledBySignal) -> Outcome:
    return Outcome(
        verdict="failed",
        exit=how,
        exited_at=BEGIN,
        ended_at=BEGIN,
        usage=Usage(user_s=0.1, system_s=0.1, max_rss_bytes=1),
    )


def every_state() -> list[AgentState]:
    how = ExitedWithCode(code=0)
    return [
        Starting(since=BEGIN),
        Running(since=BEGIN, leader=LEADER, keeper=KEEPER),
        Frozen(since=BEGIN, leader=LEADER, keeper=KEEPER, started_at=BEGIN),
        Stopping(since=BEGIN, reason="enough", leader=LEADER, keeper=KEEPER),
        Exited(at=BEGIN, outcome=outcome(how)),
        Lost(at=BEGIN, reason="killed"),
    ]


class Life(RuleBasedStateMachine):
    """One agent; every event that can happen to it happens in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGIN
        self.history: list[StateKind] = ["starting"]
        self.record = AgentRecord(
            id=new_agent_id("worker"),
            owner=new_orchestrator_id(),
            agent_type="worker",
            provider="command",
            argv=("worker",),
            cwd=Path("/"),
            parent=None,
            task_id=None,
            depth=1,
            prompt_preview="",
            cookie=new_cookie(),
            files=AgentFiles(
                prompt=FOLDER / "in",
                stdout=FOLDER / "out",
                stderr=FOLDER / "err",
                outcome=FOLDER / "outcome",
            ),
            stop=StopPolicy(),
            created_at=BEGIN,
            state=Starting(since=BEGIN),
        )

    def happen(self, state: AgentState) -> None:
        """Take the state over when it may follow, as the registry does."""
        self.now += timedelta(seconds=1)
        if may_follow(self.record.state, state):
            self.record = self.record.model_copy(update={"state": state})
            self.history.append(state.kind)

    @rule()
    def starts_again(self) -> None:
        before = self.record
        self.happen(Starting(since=self.now))
        assert self.record == before, "nothing starts twice"

    @rule()
    def runs(self) -> None:
        self.happen(Running(since=self.now, leader=LEADER, keeper=KEEPER))

    @rule()
    def is_frozen(self) -> None:
        state = self.record.state
        if isinstance(state, Running):
            self.happen(freeze(state, self.now))
            assert self.record.state.kind == "frozen"

    @rule()
    def is_thawed(self) -> None:
        state = self.record.state
        if isinstance(state, Frozen):
            self.happen(thaw(state))
            assert self.record.state.kind == "running"

    @rule(reason=st.text(max_size=5), requested=st.booleans())
    def is_stopped(self, reason: str, *, requested: bool) -> None:
        self.happen(
            Stopping(
                since=self.now, reason=reason, leader=LEADER, keeper=KEEPER, requested=requested
            )
        )

    @rule(how=ends)
    def ends(self, how: ExitedWithCode | KilledBySignal) -> None:
        self.happen(Exited(at=self.now, outcome=outcome(how)))
        assert self.record.state.kind in FINAL, "an end may follow everything but an end"

    @rule(reason=st.text(max_size=5))
    def is_lost(self, reason: str) -> None:
        self.happen(Lost(at=self.now, reason=reason))
        assert self.record.state.kind in FINAL

    @precondition(lambda self: not self.record.live)  # pyright: ignore[reportUnknownLambdaType, reportUnknownMemberType]
    @rule(state=st.sampled_from(every_state()))
    def nothing_follows_an_end(self, state: AgentState) -> None:
        before = self.record
        self.happen(state)
        assert self.record == before

    @invariant()
    def it_is_live_until_its_end_and_ends_once(self) -> None:
        assert self.record.live == (self.record.state.kind in LIVE)
        assert sum(kind in FINAL for kind in self.history) == (not self.record.live)

    @invariant()
    def it_has_a_leader_exactly_while_its_program_runs(self) -> None:
        runs = isinstance(self.record.state, Kept)
        assert (self.record.pid is not None) == runs
        assert hasattr(self.record.state, "leader") == runs
        assert hasattr(self.record.state, "outcome") == (self.record.state.kind == "exited")

    @invariant()
    def it_starts_once_and_never_runs_after_a_stop(self) -> None:
        assert self.history.count("running") <= 1 + self.history.count("frozen")
        assert self.history == sorted(self.history, key=_order)

    @invariant()
    def it_comes_back_from_json_as_it_was(self) -> None:
        assert AgentRecord.model_validate_json(self.record.model_dump_json()) == self.record


def _order(kind: StateKind) -> int:
    return {"starting": 0, "running": 1, "frozen": 1, "stopping": 2, "exited": 3, "lost": 3}[kind]


def test_whatever_happens_in_whatever_order_an_agent_takes_legal_steps_only() -> None:
    run_state_machine_as_test(
        Life, settings=settings(max_examples=60, stateful_step_count=15, deadline=None)
    )


LEGAL = {
    ("starting", "running"),
    ("starting", "stopping"),
    ("starting", "exited"),
    ("starting", "lost"),
    ("running", "frozen"),
    ("running", "stopping"),
    ("running", "exited"),
    ("running", "lost"),
    ("frozen", "running"),
    ("frozen", "stopping"),
    ("frozen", "exited"),
    ("frozen", "lost"),
    ("stopping", "stopping"),
    ("stopping", "exited"),
    ("stopping", "lost"),
}


@pytest.mark.parametrize(
    ("before", "after"),
    list(product(every_state(), repeat=2)),
    ids=lambda state: state.kind,
)
def test_a_state_may_follow_another_exactly_where_the_table_says_so(
    before: AgentState, after: AgentState
) -> None:
    assert may_follow(before, after) == ((before.kind, after.kind) in LEGAL)


def test_every_kind_of_state_is_live_or_final_and_none_is_both() -> None:
    kinds = set(get_args(StateKind))
    assert kinds == LIVE | FINAL == {state.kind for state in every_state()}
    assert not LIVE & FINAL


@pytest.mark.parametrize("state", every_state(), ids=lambda state: state.kind)
def test_a_state_holds_nothing_that_is_not_true_in_it(state: AgentState) -> None:
    fields = state.model_dump()
    for foreign in ("leader", "keeper", "outcome", "reason", "swept"):
        if foreign not in fields:
            with pytest.raises(ValidationError):
                type(state).model_validate({**fields, foreign: fields.get(foreign)})

    with pytest.raises(ValidationError):
        state.__setattr__("kind", "running")
