"""Launches, stops and ends under one orchestrator."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from benchmarks import census
from benchmarks.errors import BrokenError

from .houses import Soaked
from .plan import AT_ONCE, draw_cycle
from .processes import children_of, look_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .houses import Open
    from .plan import Launch, Life
    from .stage import Stage


def run_cycle(stage: Stage, house: Open, life: Life, index: int) -> bool:
    """Run one cycle, to the point where nobody of it is left and all of it is on record.

    Args:
        stage: Where.
        house: The orchestrator.
        life: Its life.
        index: Which cycle of that.

    Returns:
        Whether its nursery is the one that was there before: a new one may be still about to start.

    Raises:
        BrokenError: The orchestrator does not do its work.
    """
    plan = draw_cycle(stage.seed, life, index)
    agents = launch(stage, house, plan.launches, life, cycle=life.first + index)
    if plan.nursery:
        kill_nursery(house)

    for agent in agents:
        if agent.launch.fate == "victim":
            send(agent.keeper, signal.SIGKILL)
        elif agent.launch.fate == "told":
            tell(agent)

    for fate in ("stopped", "killed"):
        stopped = [each for each in agents if each.launch.fate == fate]
        house.stop(stopped, kill=fate == "killed")

    stage.check_ends(agents)
    left = stage.wait_alone((), house=house.process.pid)
    stage.report_left(left, life, life.first + index, "after all agents of a cycle have ended")
    return not plan.nursery


def launch(
    stage: Stage, house: Open, launches: Sequence[Launch], life: Life, *, cycle: int
) -> list[Soaked]:
    """Launch agents, and wait until those that stay have become what they are.

    Raises:
        BrokenError: One was refused, or does not become it.
    """
    agents = [
        Soaked(id=each, launch=one, house=life.house, life=life.number, cycle=cycle, task=task)
        for one, (each, task) in zip(launches, house.launch(launches), strict=True)
    ]
    staying = [each for each in agents if each.launch.habit not in AT_ONCE]
    pids = stage.doorbell.wait_for([each.id for each in staying])
    for agent in staying:
        leader = look_at(pids[agent.id])
        if leader is None:
            raise BrokenError(f"agent {agent.id}, pid {pids[agent.id]}, ended by itself")

        agent.leader, agent.keeper = leader.pid, leader.parent
        if agent.launch.habit == "halted":
            _wait_halted(agent, patience=stage.patience)

    return agents


def tell(agent: Soaked) -> None:
    """Let an agent end by itself."""
    send(agent.leader, signal.SIGUSR1)
    send(agent.leader, signal.SIGCONT)


def kill_nursery(house: Open) -> None:
    """Kill the nursery of an orchestrator.

    Raises:
        BrokenError: It has none.
    """
    for pid in children_of(house.process.pid):
        child = look_at(pid)
        if child is not None and child.is_nursery:
            send(pid, signal.SIGKILL)
            return

    raise BrokenError(f"the orchestrator pid={house.process.pid} has no nursery")


def send(pid: int, number: int) -> None:
    """Signal a process that was seen just now, if it is there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _wait_halted(agent: Soaked, *, patience: float) -> None:
    """Wait until it has stopped itself: told before that, it would not wake up again."""

    def look() -> bool:
        now = look_at(agent.leader)
        return now is None or now.state == "T"

    if not census.wait_until(look, within=patience):
        raise BrokenError(f"agent {agent.id} did not stop itself")
