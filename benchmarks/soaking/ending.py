"""The end of an orchestrator, and who is left after it."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import census

from .cycle import kill_nursery, launch, send, tell
from .lines import said_of_end
from .plan import draw_last
from .processes import look_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .houses import Open, Soaked
    from .plan import Launch, Life
    from .stage import Stage

_MS_PER_S = 1000.0


@dataclass(slots=True, kw_only=True)
class Former:
    """What a run has left to the next start.

    Attributes:
        life: Its life.
        pid: Its pid.
        offset: Where its lines begin in the log.
        agents: Those that ran when it ended, and those that ended since.
    """

    life: Life
    pid: int
    offset: int
    agents: list[Soaked]

    @property
    def cycle(self) -> int:
        """The last cycle of its life, counted in its run."""
        return self.life.first + self.life.end - 1


class Ended(NamedTuple):
    """How an end went.

    Attributes:
        former: What it leaves to the next start.
        ending_ms: Milliseconds until nobody was left but durable agents; None when somebody was.
        goes_on: It left agents to their keepers.
    """

    former: Former
    ending_ms: float | None
    goes_on: bool


def end(stage: Stage, house: Open, life: Life, *, offset: int) -> Ended:
    """Launch what is to run at the end, end the orchestrator, and look who is left.

    Args:
        stage: Where.
        house: The orchestrator.
        life: Its life.
        offset: Where its lines begin in the log.

    Raises:
        BrokenError: It does not do its work before that.
    """
    last = draw_last(stage.seed, life)
    former = Former(life=life, pid=house.process.pid, offset=offset, agents=[])
    waited_for = [each for each in last if each.fate != "flight"]
    if waited_for:
        former.agents += launch(stage, house, waited_for, life, cycle=former.cycle)

    flying = [each for each in last if each.fate == "flight"]
    house.order(flying)
    stage.agents["flight"] += len(flying)
    began = time.monotonic()
    _strike(house, life, former.agents)
    survivors = [each.keeper for each in former.agents if _lives_on(each)]
    left = stage.wait_alone(survivors)
    took = (time.monotonic() - began) * _MS_PER_S
    _check_status(stage, life, house.process.poll())
    stage.report_left(left, life, former.cycle, f"after {life.way.name} of a {life.house}")
    stage.doorbell.forget()
    _close_gap(stage, former)
    said = said_of_end(stage.books.log_since(offset), former.pid)
    return Ended(former, None if left else took, said.goes_on)


def _strike(house: Open, life: Life, agents: Sequence[Soaked]) -> None:
    way = life.way
    if way.first == "nursery":
        kill_nursery(house)

    for agent in agents:
        if agent.launch.fate == "victim":
            send(agent.keeper, signal.SIGKILL)

    if way.number is None:
        house.hang_up()
    else:
        house.process.send_signal(way.number)


def _lives_on(agent: Soaked) -> bool:
    return _outlives(agent.launch)


def _outlives(launched: Launch) -> bool:
    return launched.durable and launched.fate in {"adopted", "gap"}


def _check_status(stage: Stage, life: Life, status: int | None) -> None:
    """An orderly end tells the signal as a shell would; a killed process is told by the kernel."""
    number = life.way.number or 0
    wanted = (128 + number if number else 0) if life.way.orderly else -number
    if status != wanted:
        given = "no exit status" if status is None else f"the exit status {status}"
        said = f"{life.way.name} of a {life.house} gave {given}, not {wanted}"
        cycle = life.first + life.end - 1
        stage.complain("status", said, life=life.number, cycle=cycle)


def _close_gap(stage: Stage, former: Former) -> None:
    """Let durable agents end while there is no orchestrator, and look that the others live."""
    for agent in filter(_lives_on, former.agents):
        leader = look_at(agent.leader)
        if leader is None or leader.is_zombie or leader.parent != agent.keeper:
            said = f"durable agent {agent.id} ended with its orchestrator ({former.life.way.name})"
            stage.complain("durable", said, life=agent.life, cycle=agent.cycle)

    going = [each for each in former.agents if each.launch.fate == "gap"]
    for agent in going:
        tell(agent)

    def look() -> bool:
        stage.reaper.gone()
        return all(look_at(each.keeper) is None for each in going)

    if not census.wait_until(look, within=stage.patience):
        for agent in going:
            process = look_at(agent.keeper)
            if process is not None:
                said = f"{process} after durable agent {agent.id} has ended without orchestrator"
                stage.complain("orphan", said, life=agent.life, cycle=agent.cycle)
