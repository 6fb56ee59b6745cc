"""R1: what cannot be recorded, read or told for a while keeps nobody from being stopped."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import anyio
import pytest
from anyio.lowlevel import checkpoint

from orchestrator import (
    AgentSpec,
    Limits,
    ProviderResult,
    RegistryError,
    Settings,
    StopPolicy,
    default_providers,
    open_orchestrator,
)
from orchestrator.model import AgentId, AgentRecord, Lost, Running, Stopping, begin_stop
from orchestrator.process import link
from orchestrator.providers import CommandProvider
from orchestrator.registry import Registry
from orchestrator.registry.agents import Agents
from orchestrator.supervision import lives, reconcile, watch
from orchestrator.supervision.remote import stop_anywhere
from tests.support.agents import QUICK, spec
from tests.support.durable import (
    durable,
    keeper_of,
    leave,
    outcome_of,
    reason_of,
    wait_adopted,
    wait_recorded,
)
from tests.support.orchestrators import open_child
from tests.support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator import Supervisor
    from tests.support.liveness import Liveness

#: A test that leaves a process fails.
pytestmark = pytest.mark.usefixtures("nobody_below")


#: Ends at the first signal, from the moment that it is there.
SLEEPS: Final = AgentSpec(argv=("/bin/sleep", "45"), stop=QUICK)


def fail(*_args: Any, **_named: Any) -> Any:
    raise RegistryError("The disk is full: free some")


# ------------------------------------------------------------------------------------- stopping
@pytest.mark.parametrize("unreadable", [False, True])
async def test_a_family_is_stopped_although_its_gate_cannot_be_closed(
    orchestrator: Supervisor,
    liveness: Liveness,
    monkeypatch: pytest.MonkeyPatch,
    *,
    unreadable: bool,
) -> None:
    with anyio.fail_after(20):
        head = await orchestrator.launch(spec("waits", liveness=liveness))
        below = spec("waits", liveness=liveness).model_copy(update={"parent": head.id})
        child = await orchestrator.launch(below)
        stranger = await orchestrator.launch(spec("waits", liveness=liveness))
        await liveness.wait_here("leader", times=3)
        with monkeypatch.context() as patch:
            patch.setattr(Agents, "close_gate", fail)
            if unreadable:
                patch.setattr(Agents, "descendants", fail)

            ended = await orchestrator.stop_family(head.id, reason="enough")

        assert [record.id for record in ended] == [head.id, child.id]
        assert {outcome_of(record).verdict for record in ended} == {"terminated"}
        assert stranger.record.live


async def test_a_family_that_nobody_knows_is_an_error(
    orchestrator: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("close_gate", "get"):
        monkeypatch.setattr(Agents, name, fail)

    with pytest.raises(RegistryError):
        await orchestrator.stop_family(AgentId("worker-101500-0a1b2c"), reason="enough")


async def test_an_agent_of_another_is_stopped_although_the_request_cannot_be_recorded(
    orchestrator: Supervisor, liveness: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[str] = []
    set_state = Agents.set_state

    def refuse_once(self: Agents, agent_id: AgentId, state: Any) -> AgentRecord:
        if isinstance(state, Stopping) and not refused:
            refused.append(state.reason)
            fail()

        return set_state(self, agent_id, state)

    with anyio.fail_after(20):
        agent = await orchestrator.launch(spec("waits", liveness=liveness))
        await liveness.wait_here("leader")
        monkeypatch.setattr(Agents, "set_state", refuse_once)
        record = await stop_anywhere(
            orchestrator.reconciler, orchestrator.registry, agent.id, reason="by hand"
        )

    assert refused == ["by hand"]
    assert outcome_of(record).verdict == "terminated"


async def test_a_family_that_has_spent_its_limit_while_nothing_can_be_recorded_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_with(tmp_path, Costly) as orchestrator:
        with anyio.fail_after(20):
            other = await orchestrator.launch(SLEEPS)
            for name in ("close_gate", "get", "descendants"):
                monkeypatch.setattr(Agents, name, fail)

            agent = await orchestrator.launch(
                AgentSpec(provider="odd", argv=("/bin/true",), limits=Limits(cost=0.25))
            )
            await agent.wait()
            outcome = await other.stop("enough")

    assert outcome.verdict == "terminated"


async def test_a_member_that_still_starts_has_the_limit_of_its_family_in_its_outcome(
    orchestrator: Supervisor,
) -> None:
    with anyio.fail_after(20):
        ended: list[AgentRecord] = []
        head = await orchestrator.launch(SLEEPS)
        async with anyio.create_task_group() as group:
            below = SLEEPS.model_copy(update={"parent": head.id})
            group.start_soon(orchestrator.launch, below)
            while len(orchestrator.agents) < 2:
                await checkpoint()

            assert orchestrator.agents[1].record.state.kind == "starting"
            ended = await orchestrator.stop_family(head.id, reason="spent", limit="cost")

    assert [outcome_of(record).limit for record in ended] == ["cost", "cost"]


# ---------------------------------------------------------------------------- providers that fail
class Odd(CommandProvider):
    """Cannot read what its CLI printed."""

    @property
    def name(self) -> str:
        """Its key."""
        return "odd"

    def read_result(self, stdout: Path) -> ProviderResult | None:
        raise UnicodeDecodeError("utf-8", stdout.read_bytes(), 0, 1, "invalid start byte")


class Costly(CommandProvider):
    """Has always cost half a dollar."""

    @property
    def name(self) -> str:
        """Its key."""
        return "odd"

    def read_result(self, stdout: Path) -> ProviderResult | None:  # noqa: ARG002  as it is called
        return ProviderResult(cost_usd=0.5)


def open_with(workspace: Path, odd: type[CommandProvider]) -> Any:
    settings = Settings.read({}, workspace=workspace)
    providers = {**default_providers(settings), "odd": odd()}
    return open_orchestrator(settings=settings, providers=providers)


async def test_a_provider_that_fails_costs_nobody_else_anything(tmp_path: Path) -> None:
    async with open_with(tmp_path, Odd) as orchestrator:
        with anyio.fail_after(20):
            other = await orchestrator.launch(SLEEPS)
            agent = await orchestrator.launch(AgentSpec(provider="odd", argv=("/bin/echo", "x")))
            outcome = await agent.wait()
            assert outcome.result is None
            assert other.record.live


async def test_a_provider_that_fails_does_not_keep_the_next_start_from_settling(
    anyio_backend: str, tmp_path: Path, liveness: Liveness
) -> None:
    with anyio.fail_after(40):
        (record,) = await leave(tmp_path, anyio_backend, spec("waits", liveness=liveness))
        await liveness.wait_gone()
        settings = Settings.read({}, workspace=tmp_path)
        async with open_orchestrator(
            settings=settings, providers={"command": Odd()}
        ) as orchestrator:
            ended = await wait_recorded(orchestrator, record.id)

    assert outcome_of(ended).result is None


# -------------------------------------------------------------------------------------- adopting
async def test_a_claim_that_cannot_be_given_back_is_tried_again(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopt = Agents.adopt
    owners: list[str] = []

    def cannot_give_back(self: Agents, agent_id: AgentId, **named: Any) -> AgentRecord | None:
        owners.append(named["owner"])
        return fail() if len(owners) == 2 else adopt(self, agent_id, **named)

    async def answers_late(door: Path) -> Any:
        return await link.knock(door) if len(owners) > 2 else None

    monkeypatch.setattr(Agents, "adopt", cannot_give_back)
    monkeypatch.setattr(lives, "knock", answers_late)
    monkeypatch.setattr(reconcile, "AGAIN", 0.1)
    with anyio.fail_after(40):
        (before,) = await leave(tmp_path, anyio_backend, durable("waits", liveness=liveness))
        async with open_orchestrator(tmp_path) as orchestrator:
            agent = await wait_adopted(orchestrator, before.id)
            assert owners == [orchestrator.id, before.owner, orchestrator.id]
            outcome = await agent.stop("enough")

    assert outcome.verdict == "terminated"


async def test_why_an_agent_is_to_stop_is_kept_although_it_is_adopted_just_then(
    anyio_backend: str, tmp_path: Path, liveness: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = StopPolicy(term_grace=3.0)
    slow = durable("ignores_signals", liveness=liveness, stop=policy)
    with anyio.fail_after(40):
        (before,) = await leave(tmp_path, anyio_backend, slow)
        await liveness.wait_here("leader")

        async def is_stopped_before_it_answers(door: Path) -> Any:
            assert isinstance(before.state, Running)
            with Registry.open(tmp_path) as registry:
                state = begin_stop(before.state, datetime.now(UTC), "by hand")
                registry.agents.set_state(before.id, state)

            os.kill(keeper_of(before).pid, signal.SIGTERM)
            while (met := await link.knock(door)) and not isinstance(met[1], Stopping):
                met[0].close()

            return met

        monkeypatch.setattr(lives, "knock", is_stopped_before_it_answers)
        async with open_orchestrator(tmp_path) as orchestrator:
            ended = await wait_recorded(orchestrator, before.id)

    assert reason_of(ended) == "by hand"


async def test_an_agent_that_cannot_be_adopted_is_said_once(
    anyio_backend: str,
    tmp_path: Path,
    liveness: Liveness,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    knocks: list[Path] = []

    async def nobody_answers(door: Path) -> None:
        knocks.append(door)

    monkeypatch.setattr(lives, "knock", nobody_answers)
    monkeypatch.setattr(reconcile, "AGAIN", 0.05)
    with anyio.fail_after(40):
        (before,) = await leave(tmp_path, anyio_backend, durable("waits", liveness=liveness))
        async with open_orchestrator(tmp_path) as orchestrator:
            await until(lambda: len(knocks) > 5)
            await orchestrator.stop(before.id, reason="enough")

    said = [each for each in caplog.messages if "cannot be adopted" in each]
    assert len(said) == 1, said


# --------------------------------------------------------------------------------------- keepers
async def test_a_keeper_that_may_not_be_signalled_is_said_and_its_agent_stays_on_record(
    anyio_backend: str,
    tmp_path: Path,
    liveness: Liveness,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As another user's would be."""

    async def in_vain(*_args: Any, **_named: Any) -> None:
        await checkpoint()

    monkeypatch.setattr(reconcile, "AGAIN", 0.05)
    policy = StopPolicy(term_grace=4.0)
    slow = spec("ignores_signals", liveness=liveness).model_copy(update={"stop": policy})
    with anyio.fail_after(40):
        async with open_child(tmp_path, anyio_backend) as child:
            before = AgentRecord.model_validate(await child.launch(slow))
            await liveness.wait_here("leader")
            child.signal(signal.SIGKILL)
            await child.wait()

        with monkeypatch.context() as patch:
            patch.setattr(reconcile, "overrule", in_vain)
            async with open_orchestrator(tmp_path) as orchestrator:
                await until(lambda: any("cannot be ended" in str(each) for each in errors(caplog)))
                assert orchestrator.registry.agents.get(before.id).live

        async with open_orchestrator(tmp_path) as orchestrator:
            ended = await wait_recorded(orchestrator, before.id)

    assert outcome_of(ended).verdict == "terminated"


def errors(caplog: pytest.LogCaptureFixture) -> list[BaseException]:
    return [each.exc_info[1] for each in caplog.records if each.exc_info and each.exc_info[1]]


async def test_what_was_swept_is_told_although_its_keeper_seemed_to_live_on(
    orchestrator: Supervisor, liveness: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed process closes its descriptors a moment before it has ended."""
    looks: list[AgentRecord] = []

    def lives_at_first(record: AgentRecord) -> bool:
        looks.append(record)
        return len(looks) == 1

    monkeypatch.setattr(watch, "is_kept", lives_at_first)
    with anyio.fail_after(30):
        agent = await orchestrator.launch(durable("starts_daemon", liveness=liveness))
        await liveness.wait_here("leader", "daemon")
        os.kill(keeper_of(agent.record).pid, signal.SIGKILL)
        record = await wait_recorded(orchestrator, agent.id)
        await liveness.wait_gone()

    assert looks
    assert isinstance(record.state, Lost)
    assert liveness.pid("daemon") in {note.pid for note in record.state.swept}
