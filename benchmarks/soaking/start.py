"""What the start of an orchestrator has to make of what the one before it has left."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks import census

from .cycle import tell
from .lines import missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .ending import Former
    from .houses import Open, Soaked
    from .stage import Stage


def take_over(stage: Stage, house: Open, former: Former) -> None:
    """Check that the ends of the former run are on record, and its durable agents adopted.

    These are stopped then, or end by themselves where the orchestrator has no means to ask for it.

    Raises:
        BrokenError: The orchestrator does not do its work.
    """
    adopted = [each for each in former.agents if each.launch.fate == "adopted"]
    stage.check_ends([each for each in former.agents if each.launch.fate != "adopted"])
    _check_open_ends(stage, former, {each.id for each in adopted})
    _check_adopted(stage, house, former, adopted)
    stoppable = [each for each in adopted if house.can_stop(each)]
    house.stop(stoppable)
    for agent in adopted:
        if agent not in stoppable:
            agent.launch = agent.launch.model_copy(update={"fate": "told"})
            tell(agent)

    stage.check_ends(adopted)
    left = stage.wait_alone((), house=house.process.pid)
    stage.report_left(left, former.life, former.cycle, "after the next start has taken over")
    check_lines(stage, former)


def _check_open_ends(stage: Stage, former: Former, adopted: set[str]) -> None:
    """Nobody else may be live on record: neither agents that are known nor launches in flight."""
    rest: set[str] = set()

    def look() -> bool:
        rest.clear()
        rest.update(stage.books.live() - adopted)
        return not rest

    if not census.wait_until(look, within=stage.patience):
        said = f"live on record after the next start: {', '.join(sorted(rest))}"
        stage.complain("outcome", said, life=former.life.number, cycle=former.cycle)


def _check_adopted(stage: Stage, house: Open, former: Former, adopted: Sequence[Soaked]) -> None:
    def look(agent: Soaked) -> bool:
        seen = stage.books.agents([agent.id]).get(agent.id)
        mine = seen is not None and stage.books.pid_of(seen.owner) == house.process.pid
        return mine and house.lists(agent)

    for agent in adopted:
        if not census.wait_until(partial(look, agent), within=stage.patience):
            said = f"durable agent {agent.id} was not adopted by the next start"
            stage.complain("durable", said, life=former.life.number, cycle=former.cycle)


def check_lines(stage: Stage, former: Former) -> None:
    """Wait until the log says all of the end of a run that it has to."""
    orderly = former.life.way.orderly

    def look() -> str | None:
        return missing(stage.books.log_since(former.offset), former.pid, orderly=orderly)

    if not census.wait_until(lambda: look() is None, within=stage.patience):
        said = f"{former.life.way.name} of a {former.life.house}: {look()}"
        stage.complain("shutdown", said, life=former.life.number, cycle=former.cycle)
