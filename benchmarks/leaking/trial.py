"""One trial: agents of every habit below one launcher, an ending, and who is there after it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final

from benchmarks import census
from benchmarks.errors import BrokenError

from .counting import most, sort_out, tell
from .endings import ENDING_BY_KEY
from .launchers import LAUNCHER_BY_KEY
from .model import Remains, Trial
from .sights import descendants, everyone, kill
from .stand import open_stand

if TYPE_CHECKING:
    from benchmarks.soaking.processes import Reaper

    from .counting import Census
    from .habits import Habit
    from .model import Order
    from .stand import LaneGround, Stand

#: Seconds that agents may take to become what they are, and that those left may take to be gone.
SETTLE_LIMIT: Final = 40.0
SWEEP_LIMIT: Final = 30.0

#: Seconds between two looks at an agent that is becoming what it is.
SHAPE_LOOK: Final = 0.05

#: Looks of one count after its first, and the seconds between two of them.
LOOKS: Final = 5
BETWEEN: Final = 0.02


def run_trial(order: Order, ground: LaneGround, reaper: Reaper) -> Trial:
    """Run it in this process, which is a child subreaper; nobody is below it before and after.

    Raises:
        BrokenError: An agent did not become what it is, the launcher did not work, or somebody
            cannot be ended.
    """
    launcher, ending = LAUNCHER_BY_KEY[order.launcher], ENDING_BY_KEY[order.ending]
    with open_stand(ground, order.habits, order.cluster) as stand:
        try:
            with launcher.open(stand) as running:
                reaper.own = running.process
                _wait_shaped(stand, reaper)
                before = _count(stand, reaper)
                ending.strike(running)
                began = time.monotonic()
                empty = census.wait_until(reaper.gone, within=order.after)
                empty_after = time.monotonic() - began if empty else None
                left = _count(stand, reaper)
                stand.call_off()
        finally:
            _sweep(stand, reaper)

    return Trial(
        launcher=order.launcher,
        ending=order.ending,
        agents=tuple(
            Remains(
                habit=habit,
                before=len(before.agents[habit]),
                left=len(left.agents[habit]),
                who=tell(left.agents[habit]),
            )
            for habit in order.habits
        ),
        machinery=None if ending.launcher_stays else len(left.machinery),
        machinery_who=() if ending.launcher_stays else tell(left.machinery),
        zombies=len(left.zombies),
        empty_after=empty_after,
    )


def _wait_shaped(stand: Stand, reaper: Reaper) -> None:
    """Wait until every agent is what it is; a bomb begins when all others are."""
    for gated in (False, True):
        for habit in stand.habits:
            if habit.gated is gated:
                _wait_taken(stand, habit, reaper)

        stand.let_go()


def _wait_taken(stand: Stand, habit: Habit, reaper: Reaper) -> None:
    limit = time.monotonic() + SETTLE_LIMIT
    seen = False
    while not habit.taken(there := _look(stand).agents[habit.key], stand.at(habit)):
        if (seen and not there) or time.monotonic() > limit:
            who = "; ".join(tell(there)) or "nobody"
            raise BrokenError(f"the agent '{habit.name}' is not what it is to be: {who}")

        seen = seen or bool(there)
        reaper.gone()
        census.pause(SHAPE_LOOK)


def _look(stand: Stand, *, everywhere: bool = False) -> Census:
    root = os.getpid()
    seen = {sight.pid: sight for sight in descendants(root)}
    if everywhere:
        seen |= {sight.pid: sight for sight in everyone() if sight.pid not in seen}

    keys = [habit.key for habit in stand.habits]
    return sort_out(list(seen.values()), root=root, place=stand.place, habits=keys)


def _count(stand: Stand, reaper: Reaper) -> Census:
    reaper.gone()
    looks = [_look(stand, everywhere=True)]
    for _ in range(LOOKS):
        census.pause(BETWEEN)
        reaper.gone()
        looks.append(_look(stand))

    return most(looks)


def _sweep(stand: Stand, reaper: Reaper) -> None:
    """End everyone who is left, again and again, until the kernel says that nobody is."""
    stand.call_off()

    def swept() -> bool:
        for sight in _look(stand).alive:
            kill(sight)

        return reaper.gone()

    if not census.wait_until(swept, within=SWEEP_LIMIT):
        raise BrokenError(f"cannot be ended: {'; '.join(tell(_look(stand).alive))}")

    reaper.own = None
