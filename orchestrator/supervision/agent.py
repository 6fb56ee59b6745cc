"""A handle on one agent that this orchestrator launched."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final, NamedTuple

import anyio

from orchestrator.errors import AgentLostError, AgentStateError
from orchestrator.model import Exited, Frozen, Kept, Lost, Running
from orchestrator.process.identity import send
from orchestrator.process.overrule import overrule

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.model import AgentId, AgentRecord, LimitName, Outcome, StopPolicy
    from orchestrator.model.activity import Activity
    from orchestrator.process.link import KeeperLink

    from .observer import Observer


#: Seconds beyond the longest that a stop may take, after which its keeper is forced.
OVERDUE: Final = 2.0

#: Seconds for a keeper to freeze or thaw an agent.
FREEZE_TIMEOUT: Final = 10.0


class _Stop(NamedTuple):
    """What was asked for, as `Agent.ask_to_stop` takes it."""

    reason: str
    policy: StopPolicy | None
    kill: bool
    limit: LimitName | None


class Agent:
    """One agent: wait for it, stop it, or freeze it.

    Attributes:
        record: What is known of it now; replaced, never changed.
    """

    def __init__(self, record: AgentRecord, observer: Observer) -> None:
        """Made by the supervisor."""
        self.record = record
        self._observer = observer
        self._link: KeeperLink | None = None
        self._stop_asked: _Stop | None = None
        self._news = anyio.Event()
        self._changes = 0
        self._settled = anyio.Event()
        self._exited = anyio.Event()
        self._ended = anyio.Event()
        self._failure: Exception | None = None

    def __repr__(self) -> str:
        """E.g. ``<Agent worker-101500-0a1b2c running>``."""
        return f"<Agent {self.id} {self.record.state.kind}>"

    @property
    def id(self) -> AgentId:
        """Its id."""
        return self.record.id

    @property
    def pid(self) -> int | None:
        """The pid of its leader, which is its process group and session, while it has one."""
        return self.record.pid

    @property
    def lives_on(self) -> bool:
        """It is durable, and nobody has asked it to stop."""
        return self.record.durable and self._stop_asked is None

    @property
    def stdout(self) -> Path:
        """The file that holds its standard output."""
        return self.record.files.stdout

    @property
    def stderr(self) -> Path:
        """The file that holds its standard error."""
        return self.record.files.stderr

    async def activity(self) -> Activity:
        """Say what it is doing, and how that is known; see `Supervisor.activity`."""
        return await self._observer.look_at(self.record)

    async def wait_exited(self) -> None:
        """Wait until its leader has ended; what it left behind may still be there."""
        await self._exited.wait()

    async def wait(self) -> Outcome:
        """Wait until every process of it is gone.

        Raises:
            AgentLostError: Its keeper was killed, so nobody saw how it ended; what was found of
                it was swept.
        """
        await self._ended.wait()
        match self.record.state:
            case Exited(outcome=outcome):
                return outcome
            case Lost(reason=reason):
                raise AgentLostError(f"agent {self.id} was lost: {reason}", agent_id=self.id)
            case _:
                left = (
                    "goes on under its keeper; the next orchestrator of the workspace adopts it"
                    if self.record.durable
                    else "was left to its keeper, which stops it; the next orchestrator of the "
                    "workspace records how it ended"
                )
                raise AgentLostError(f"agent {self.id} {left}", agent_id=self.id)

    async def stop(
        self,
        reason: str = "stopped",
        *,
        policy: StopPolicy | None = None,
        kill: bool = False,
    ) -> Outcome:
        """Stop it and wait until every process of it is gone.

        An agent that has ended is left alone.

        Args:
            reason: Why, in words, for the receipt.
            policy: Other graces than it was launched with.
            kill: SIGKILL at once.

        Raises:
            AgentLostError: As in `wait`.
        """
        self.ask_to_stop(reason, policy=policy, kill=kill)
        await self.wait_stopped()
        return await self.wait()

    def ask_to_stop(
        self,
        reason: str = "stopped",
        *,
        policy: StopPolicy | None = None,
        kill: bool = False,
        limit: LimitName | None = None,
    ) -> None:
        """Ask its keeper to stop it, at once and without waiting for the end.

        Args:
            reason: Why, in words, for the receipt.
            policy: Other graces than it was launched with.
            kill: SIGKILL at once.
            limit: The limit that is the reason, if one is.
        """
        if self._ended.is_set():
            return

        if self._stop_asked is None:
            self._stop_asked = _Stop(reason, policy, kill, limit)
        elif kill:
            # The stop goes on as it began: its reason and its graces are the first ones.
            self._stop_asked = self._stop_asked._replace(kill=True)

        if self._link is not None:
            self._link.stop(reason, policy=policy, kill=kill, limit=limit)
            self._wake_keeper()

    def _wake_keeper(self) -> None:
        """Let it go on, should its agent have stopped it: its nursery may be gone, or stopped."""
        if isinstance(self.record.state, Kept):
            send(self.record.state.keeper, signal.SIGCONT)

    async def freeze(self) -> None:
        """Let all of its processes stand still; a frozen one is left as it is.

        Raises:
            AgentStateError: It is being stopped, or has ended.
        """
        if not isinstance(self.record.state, Frozen):
            self._require(Running, "frozen").freeze()
            await self._wait_changed("frozen")

    async def thaw(self) -> None:
        """Let it go on; one that is not frozen is left as it is.

        Raises:
            AgentStateError: It is being stopped, or has ended.
        """
        if not isinstance(self.record.state, Running):
            self._require(Frozen, "thawed").thaw()
            await self._wait_changed("thawed")

    def _require(self, kind: type[Running | Frozen], what: str) -> KeeperLink:
        if self._link is None or not isinstance(self.record.state, kind):
            raise AgentStateError(
                f"Agent {self.id} is {self.record.state.kind} and cannot be {what}",
                agent_id=self.id,
            )

        return self._link

    async def _wait_changed(self, what: str) -> None:
        # Counted, for two changes may be news at once, the other one being somebody else's.
        before = self._changes
        with anyio.move_on_after(FREEZE_TIMEOUT):
            while self._changes == before and not self._ended.is_set():
                await self._news.wait()

        if self._changes == before or not isinstance(self.record.state, Running | Frozen):
            raise AgentStateError(
                f"Agent {self.id} was not {what}: it is {self.record.state.kind}",
                agent_id=self.id,
            )

    # ------------------------------------------------------------------- for the supervisor only
    def update(self, record: AgentRecord) -> None:
        """Something about it has changed."""
        if record.state != self.record.state:
            self._changes += 1

        self.record = record
        self._news.set()
        self._news = anyio.Event()

    def attach(self, link: KeeperLink) -> None:
        """Its program runs, under this keeper; a stop that was asked for meanwhile is passed on."""
        self._link = link
        if self.record.durable:
            link.let_live()

        if self._stop_asked is not None:
            reason, policy, kill, limit = self._stop_asked
            link.stop(reason, policy=policy, kill=kill, limit=limit)

    async def wait_settled(self) -> None:
        """Wait until it runs.

        Raises:
            LaunchError: It does not.
        """
        await self._settled.wait()
        if self._failure is not None:
            raise self._failure

    def settle(self) -> None:
        """It runs, or it was refused."""
        self._settled.set()

    def refuse(self, failure: Exception) -> None:
        """It never runs."""
        self._failure = failure
        self._settled.set()

    @property
    def is_refused(self) -> bool:
        """Whether it never runs: nothing of it is on record any more."""
        return self._failure is not None

    def note_exit(self) -> None:
        """Its leader has ended."""
        self._exited.set()

    def note_end(self) -> None:
        """All of it is accounted for."""
        self._link = None
        self._exited.set()
        self._ended.set()
        self._news.set()

    async def wait_stopped(self) -> None:
        """Wait for the end that was asked for; a keeper that does not bring it about is ended."""
        policy = self._stop_asked[1] if self._stop_asked else None
        policy = policy or self.record.stop
        with anyio.move_on_after(policy.longest + policy.kill_limit + OVERDUE):
            await self.wait_ended()
            return

        if isinstance(self.record.state, Kept):
            await overrule(self.record.state.keeper, after=policy.longest)

        await self.wait_ended()

    async def wait_ended(self) -> None:
        """Wait for the end, whatever it is."""
        await self._ended.wait()
