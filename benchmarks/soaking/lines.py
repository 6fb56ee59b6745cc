"""What a log says of the end of an orchestrator; pure."""

from __future__ import annotations

from typing import NamedTuple


class Said(NamedTuple):
    """The lines of one run about its own end.

    Attributes:
        begun: It said that its shutdown has begun.
        done: It said that it is done.
        goes_on: It said that its keepers carry it through.
    """

    begun: bool
    done: bool
    goes_on: bool


def said_of_end(log: str, pid: int) -> Said:
    """Find what the orchestrator with this pid said of its end.

    Args:
        log: The lines that were written since its start: its pid may have been another's before.
        pid: Its pid.
    """
    mine = [line for line in log.splitlines() if f" orchestrator {pid}: shutdown " in line]

    def is_there(what: str) -> bool:
        return any(f": shutdown {what} reason=" in line for line in mine)

    return Said(is_there("begun"), is_there("done"), is_there("goes on under the keepers"))


def settled(log: str, pid: int) -> bool:
    """Whether a later orchestrator said that it has settled what the one with this pid left."""
    return any(
        f" pid={pid} was " in line and "; settled agents=" in line for line in log.splitlines()
    )


def missing(log: str, pid: int, *, orderly: bool) -> str | None:
    """Say which line about the end of an orchestrator is not there; None when all are.

    Args:
        log: The lines since its start, those of the next orchestrator too.
        pid: Its pid.
        orderly: It was not killed, and so had to say something itself.
    """
    said = said_of_end(log, pid)
    if not orderly:
        return None if settled(log, pid) else "it was killed, and no later start settled it"

    if not said.begun:
        return "its shutdown did not begin"

    if said.done or (said.goes_on and settled(log, pid)):
        return None

    return (
        "its shutdown goes on under the keepers, and no later start settled it"
        if said.goes_on
        else "its shutdown was not done, and did not go on under the keepers"
    )
