"""How much of everything a run does."""

from __future__ import annotations

from typing import Final

from orchestrator.model.base import Noun


class Plan(Noun):
    """Counts and seconds; the figures of two plans mean the same, the longer one's are steadier.

    Attributes:
        name: What it is called.
        rounds: Turns of each contender whose agents end by themselves, or that holds memory.
        per_round: Launches in such a turn.
        launches: How many agents are launched, and in how many turns, from few to many.
        stops: How many orchestrators of each kind are killed.
        endings: How many agents run when everything is ended, and how often each way is tried.
        idlers: How many agents run while nothing happens.
        idle_seconds: How long nothing happens.
        soak_cycles: Cycles of the soak.
        leak_rounds: How often each launcher meets each ending.
        leak_lanes: How many such trials run side by side; most of each is waiting.
        leak_seconds: How long after the ending processes are counted.
        leak_habits: Which agents each launcher has, by key; nothing for all.
        leak_endings: Which endings it meets, by key; nothing for all.
        relay_starts: How often a relay is started, and python alone.
        starts: How often the server and each command are started.
        listed: How many live agents ``ps`` lists.
        pours: How often an agent writes a lot, for each contender.
        poured: MiB of that; what does it slowly writes less.
        reads: How often that is read in each way.
        recorded: How many agents are on record when state changes are timed.
        change_rounds: Turns of each of these.
        lives: Agents whose states change in such a turn.
        status_rounds: Turns of status calls.
        scaled: How many agents live on one orchestrator, one number after the other.
        scale_rounds: How many orchestrators get each of these numbers; the first is measured, the
            others are only filled and ended.
        scale_turns: Turns of state changes and of output, at each number.
        scale_poured: MiB that an agent writes in such a turn.
        scale_probes: Turns at each number: one more launch and its stop.
        scale_looks: How often the status is asked for after a rest, at each number.
        scale_seconds: How long nothing happens, at each number.
    """

    name: str
    rounds: int
    per_round: int
    launches: tuple[tuple[int, int], ...]
    stops: int
    endings: tuple[tuple[int, int], ...]
    idlers: int
    idle_seconds: float
    soak_cycles: int
    leak_rounds: int
    leak_lanes: int
    leak_seconds: float
    leak_habits: tuple[str, ...] = ()
    leak_endings: tuple[str, ...] = ()
    relay_starts: int
    starts: int
    listed: int
    pours: int
    poured: int
    reads: int
    recorded: tuple[int, ...]
    change_rounds: int
    lives: int
    status_rounds: int
    scaled: tuple[int, ...]
    scale_rounds: tuple[int, ...]
    scale_turns: int
    scale_poured: int
    scale_probes: int
    scale_looks: int
    scale_seconds: float


FULL: Final = Plan(
    name="full",
    rounds=30,
    per_round=10,
    launches=((1, 20), (20, 8), (200, 2), (1000, 1)),
    stops=7,
    endings=((20, 3), (200, 3), (1000, 1)),
    idlers=100,
    idle_seconds=30.0,
    soak_cycles=200,
    leak_rounds=2,
    leak_lanes=4,
    leak_seconds=5.0,
    relay_starts=100,
    starts=12,
    listed=100,
    pours=5,
    poured=1024,
    reads=3,
    recorded=(100, 1000, 10_000),
    change_rounds=30,
    lives=25,
    status_rounds=20,
    scaled=(1, 10, 100, 300, 1000),
    scale_rounds=(3, 3, 3, 3, 2),
    scale_turns=10,
    scale_poured=128,
    scale_probes=25,
    scale_looks=3,
    scale_seconds=4.0,
)

#: For continuous integration: some four minutes on two cores.
QUICK: Final = Plan(
    name="quick",
    rounds=3,
    per_round=6,
    launches=((1, 3), (20, 1), (50, 1)),
    stops=2,
    endings=((20, 1),),
    idlers=20,
    idle_seconds=3.0,
    soak_cycles=20,
    leak_rounds=1,
    leak_lanes=8,
    leak_seconds=5.0,
    leak_habits=(
        "children",
        "ignores",
        "tool",
        "daemon",
        "naked",
        "redis",
        "stopped",
        "bomb",
    ),
    relay_starts=8,
    starts=1,
    listed=100,
    pours=3,
    poured=64,
    reads=1,
    recorded=(100, 1000, 10_000),
    change_rounds=3,
    lives=15,
    status_rounds=3,
    scaled=(1, 10, 50),
    scale_rounds=(1, 1, 1),
    scale_turns=5,
    scale_poured=32,
    scale_probes=7,
    scale_looks=1,
    scale_seconds=1.0,
)

#: Says whether the benchmark works; its figures mean nothing.
SMOKE: Final = Plan(
    name="smoke",
    rounds=2,
    per_round=2,
    launches=((1, 1), (3, 1)),
    stops=1,
    endings=((2, 1),),
    idlers=2,
    idle_seconds=0.3,
    soak_cycles=4,
    leak_rounds=1,
    leak_lanes=8,
    leak_seconds=2.5,
    leak_habits=("children", "tool", "daemon"),
    leak_endings=("kill",),
    relay_starts=1,
    starts=1,
    listed=2,
    pours=1,
    poured=2,
    reads=1,
    recorded=(3, 6),
    change_rounds=1,
    lives=2,
    status_rounds=1,
    scaled=(1, 3),
    scale_rounds=(2, 1),
    scale_turns=1,
    scale_poured=1,
    scale_probes=1,
    scale_looks=1,
    scale_seconds=0.2,
)
