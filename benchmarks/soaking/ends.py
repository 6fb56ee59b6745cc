"""How an agent has to end, by its habit and its fate; pure."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final, NamedTuple

from orchestrator.model import StopPolicy
from orchestrator.providers.claude import STOP as CLAUDE_STOP

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .plan import House, Launch

#: Short, so that agents that ignore SIGTERM cost a soak little. Those of the library get it.
STOP: Final = StopPolicy(term_grace=0.4, linger=0.1)

#: The signals of a stop, and after how many seconds each is sent; by who has launched the agent.
STOPS: Final[Mapping[House, Mapping[int, float]]] = {
    "library": {signal.SIGTERM: 0.0, signal.SIGKILL: STOP.term_grace},
    "mcp": {
        signal.SIGINT: 0.0,
        signal.SIGTERM: CLAUDE_STOP.polite_grace,
        signal.SIGKILL: CLAUDE_STOP.longest,
    },
}

_MS_PER_S = 1000.0

FINAL: Final = frozenset({"exited", "lost"})


class Recorded(NamedTuple):
    """What the registry says of an agent.

    Attributes:
        kind: Of its state.
        owner: The id of the orchestrator whose it is.
        end: How its leader ended, e.g. ``("code", 3)``; None while that is not known.
        verdict: The end in one word.
        survivors: How many processes its stop could not end.
        stop_s: Seconds that its stop took.
    """

    kind: str
    owner: str
    end: tuple[str, int] | None = None
    verdict: str | None = None
    survivors: int = 0
    stop_s: float = 0.0

    @property
    def final(self) -> bool:
        """Whether its end is on record."""
        return self.kind in FINAL

    def __str__(self) -> str:
        """E.g. ``exited signal 15 terminated``."""
        end = " ".join(map(str, self.end)) if self.end else ""
        return " ".join(filter(None, (self.kind, end, self.verdict)))


def recorded(record: Mapping[str, Any]) -> Recorded:
    """Read a record of the registry, as it is stored."""
    state = record["state"]
    outcome = state.get("outcome")
    if outcome is None:
        return Recorded(kind=state["kind"], owner=record["owner"])

    how, receipt = outcome["exit"], outcome["receipt"]
    return Recorded(
        kind=state["kind"],
        owner=record["owner"],
        end=(how["kind"], how[how["kind"]]),
        verdict=outcome["verdict"],
        survivors=len(receipt["survivors"]) if receipt else 0,
        stop_s=receipt["duration_ms"] / _MS_PER_S if receipt else 0.0,
    )


def expected_ends(
    launch: Launch, house: House, *, stop_s: float = 0.0
) -> tuple[tuple[str, int], ...]:
    """Say how the leader may end; nothing where nobody can know it.

    Args:
        launch: The agent.
        house: Who launched it; its stops go the same way whoever asks for them.
        stop_s: Seconds that its stop took: where the machine gave the agent no time within a
            grace, the next signal may have been the one that ended it.
    """
    first, *later = STOPS[house]
    match launch.fate:
        case "itself" if launch.habit == "dies":
            return (("signal", launch.number),)
        case "itself" | "told" | "gap":
            return (("code", launch.number),)
        case "killed" | "stopped" | "left" | "adopted" if launch.habit == "stubborn":
            return (("signal", signal.SIGKILL),)
        case "stopped" | "left" | "adopted":
            overdue = (number for number in later if stop_s >= STOPS[house][number])
            return (("signal", first), *(("signal", number) for number in overdue))
        case "killed":
            # A stop without a grace begins as every stop does, and the first signal may do.
            return (("signal", first), ("signal", signal.SIGKILL))
        case "victim" | "flight":
            return ()


def complain(launch: Launch, house: House, seen: Recorded | None) -> str | None:
    """Say what is wrong with what is on record of an agent that has ended; None for nothing.

    One whose keeper was killed has to be lost. Of one whose launch was cut off only an end is
    wanted.
    """
    if launch.fate == "flight":
        return None if seen is None or seen.final else f"it is on record as {seen}"

    if seen is None:
        return "it is not on record"

    if seen.survivors:
        return f"its stop left {seen.survivors} processes"

    if launch.fate == "victim":
        return None if seen.kind == "lost" else f"its keeper was killed, and it is {seen}"

    ends = expected_ends(launch, house, stop_s=seen.stop_s)
    if seen.kind != "exited" or seen.end not in ends:
        said = " or ".join(f"{kind} {number:d}" for kind, number in ends)
        return f"it is on record as {seen}, and ended by {said}"

    verdict = _verdict(launch)
    return None if seen.verdict == verdict else f"it is on record as {seen}, and was {verdict}"


def _verdict(launch: Launch) -> str:
    if launch.fate not in {"itself", "told", "gap"}:
        return "terminated"

    return "completed" if launch.number == 0 and launch.habit != "dies" else "failed"
