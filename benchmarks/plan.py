"""How much of everything a run does."""

from __future__ import annotations

from typing import Final

from orchestrator.model.base import Noun


class Plan(Noun):
    """Counts and seconds; the figures of two plans mean the same, the longer one's are steadier.

    Attributes:
        name: What it is called.
        rounds: Turns of each contender, one after another.
        per_round: Launches in such a turn.
        volleys: Turns of each contender, side by side.
        at_a_time: Launches in such a turn.
        stops: How often each way of ending is tried.
        agents: How many agents run when everything is ended.
        idlers: How many agents run while nothing happens.
        idle_seconds: How long nothing happens.
        soak_cycles: Cycles of the soak.
    """

    name: str
    rounds: int
    per_round: int
    volleys: int
    at_a_time: int
    stops: int
    agents: int
    idlers: int
    idle_seconds: float
    soak_cycles: int


FULL: Final = Plan(
    name="full",
    rounds=30,
    per_round=10,
    volleys=15,
    at_a_time=20,
    stops=7,
    agents=40,
    idlers=20,
    idle_seconds=20.0,
    soak_cycles=200,
)

#: For continuous integration: under 90 s on two busy cores.
QUICK: Final = Plan(
    name="quick",
    rounds=5,
    per_round=6,
    volleys=3,
    at_a_time=20,
    stops=2,
    agents=40,
    idlers=20,
    idle_seconds=2.0,
    soak_cycles=30,
)

#: Says whether the benchmark works; its figures mean nothing.
SMOKE: Final = Plan(
    name="smoke",
    rounds=2,
    per_round=2,
    volleys=1,
    at_a_time=3,
    stops=1,
    agents=2,
    idlers=2,
    idle_seconds=0.3,
    soak_cycles=4,
)
