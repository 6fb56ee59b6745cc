"""What a keeper says, from the wire's plain JSON to the model's nouns."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from orchestrator.errors import LaunchError
from orchestrator.model import (
    Exit,
    Frozen,
    LimitName,
    LimitNote,
    Limits,
    ProcessIdentity,
    ProcessNote,
    Running,
    Stopping,
    StopPolicy,
    StopReceipt,
    Usage,
    begin_stop,
    freeze,
)
from orchestrator.model.base import Noun

from .identity import boot_id, identify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .wire import LaunchMessage, LimitsMessage, PolicyMessage

_EXIT: TypeAdapter[Exit] = TypeAdapter(Exit)


class KeeperExit(Noun):
    """The leader has ended; others may still be there.

    Attributes:
        at: When its keeper saw it.
        exit: Its exit code or signal.
    """

    at: datetime
    exit: Exit


class KeeperReport(Noun):
    """All of the agent is accounted for: what its keeper wrote to disk, then told.

    Attributes:
        agent_id: Whose end this is.
        requested: Somebody asked for the stop while the leader lived.
        exit: The leader's; None when even SIGKILL did not end it.
        receipt: What was done to end it; None when nobody had to be signalled.
        limit: The limit that ended it, if one did.
        warnings: The limits that it came near to.
    """

    agent_id: str
    requested: bool
    exit: Exit | None
    started_at: datetime
    exited_at: datetime
    ended_at: datetime
    usage: Usage
    left_behind: tuple[ProcessNote, ...]
    receipt: StopReceipt | None
    limit: LimitName | None = None
    warnings: tuple[LimitNote, ...] = ()


def moment(seconds: float) -> datetime:
    """Return Unix time as an aware datetime in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def read_exit(pair: Sequence[Any]) -> Exit:
    """Read ``["code", 3]`` or ``["signal", 9]``."""
    kind, number = pair
    return _EXIT.validate_python({"kind": kind, kind: number})


def read_started(message: Mapping[str, Any]) -> Running:
    """Read the news that the agent's program runs."""
    return Running(
        since=moment(message["at"]),
        leader=_identity(message["leader"]),
        keeper=_identity(message["keeper"]),
        cgroup=message.get("cgroup"),
    )


def read_kept(message: Mapping[str, Any]) -> Running | Frozen | Stopping:
    """Read how a durable agent stands whose keeper has a new orchestrator."""
    running = read_started(message)
    stopping, frozen = message["stopping"], message["frozen"]
    if stopping is not None:
        return begin_stop(running, moment(stopping["at"]), stopping["reason"])

    return running if frozen is None else freeze(running, moment(frozen))


def read_keeper_exit(message: Mapping[str, Any]) -> KeeperExit:
    """Read the news that the leader has ended."""
    return KeeperExit(at=moment(message["at"]), exit=read_exit(message["exit"]))


def read_report(outcome: Mapping[str, Any]) -> KeeperReport:
    """Read a keeper's last word, from the wire or from its file.

    Raises:
        KeyError, TypeError, ValueError: It is not one.
    """
    receipt = outcome["receipt"]
    if receipt is not None:
        receipt = StopReceipt.model_validate({**receipt, "began_at": moment(receipt["began_at"])})

    return KeeperReport(
        agent_id=outcome["agent_id"],
        requested=outcome["requested"],
        exit=read_exit(outcome["exit"]) if outcome["exit"] else None,
        started_at=moment(outcome["started_at"]),
        exited_at=moment(outcome["exited_at"]),
        ended_at=moment(outcome["ended_at"]),
        usage=Usage(
            user_s=outcome["user_s"],
            system_s=outcome["system_s"],
            max_rss_bytes=outcome["max_rss_bytes"],
        ),
        left_behind=tuple(ProcessNote.model_validate(one) for one in outcome["left_behind"]),
        receipt=receipt,
        # an outcome that an older version wrote has no such fields
        limit=outcome.get("limit"),
        warnings=tuple(LimitNote.model_validate(one) for one in outcome.get("warnings", ())),
    )


def read_refusal(order: LaunchMessage, answer: Mapping[str, Any]) -> LaunchError:
    """Read the news that the agent was not started, as the error to raise."""
    number = int(answer["errno"])
    why = os.strerror(number)
    program, cwd = order["argv"][0], order["cwd"]
    said = {
        "cwd": f"cannot run in {cwd!r}: {why}; name a directory that exists and can be entered",
        "exec": f"cannot execute {program!r} ({order['path']}): {why}",
        "door": f"cannot listen for its next orchestrator beside {order['outcome']}: {why}; "
        "a durable agent needs a workspace on a file system that holds sockets",
        "fork": f"cannot fork: {why}; the machine or this user has no room for more processes",
    }.get(answer["stage"], f"cannot open its {answer['stage']} file: {why}")
    return LaunchError(said, number=number)


def policy_message(policy: StopPolicy) -> PolicyMessage:
    """Return a policy as it goes to a keeper."""
    return {
        "polite_signal": policy.polite_signal,
        "polite_grace": policy.polite_grace,
        "term_grace": policy.term_grace,
        "linger": policy.linger,
        "kill_limit": policy.kill_limit,
    }


def limits_message(limits: Limits) -> LimitsMessage:
    """Return what a keeper watches."""
    return {
        "wall_clock": limits.wall_clock,
        "idle": limits.idle,
        "memory": limits.memory,
        "output": limits.output,
    }


def _identity(pair: Sequence[int]) -> ProcessIdentity:
    pid, ticks = pair
    if ticks:
        return ProcessIdentity(pid=pid, start_ticks=ticks, boot_id=boot_id())

    # No /proc: the start time comes from psutil, if the process is still there to be asked.
    return identify(pid) or ProcessIdentity(pid=pid, start_ticks=0, boot_id=boot_id())
