"""One orchestrator: its start, its cycles, and its end."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks.errors import BrokenError

from .cycle import run_cycle
from .ending import end
from .houses import HASTE, TIMEOUT_VARIABLE, open_house
from .model import LifeReport
from .rest import Rest
from .start import check_lines, take_over

if TYPE_CHECKING:
    from collections.abc import Callable

    from .ending import Ended, Former
    from .houses import Open
    from .plan import Life
    from .stage import Stage

#: What an orchestrator says, or one of its keepers, when something has failed inside.
_TRACEBACK: Final = "Traceback (most recent call last)"
_TAIL: Final = 2000

_MS_PER_S = 1000.0


class Lived(NamedTuple):
    """A life that is over.

    Attributes:
        report: What it came to.
        former: What it leaves to the next start; None when it broke.
    """

    report: LifeReport
    former: Former | None


def live(stage: Stage, life: Life, former: Former | None, *, on_cycle: Callable[[], None]) -> Lived:
    """Live a life on the stage.

    Args:
        stage: Where.
        life: Which one.
        former: What the one before it has left.
        on_cycle: Called after each cycle.
    """
    one = _Life(stage, life, on_cycle)
    try:
        one.run(former)
    except (BrokenError, OSError, sqlite3.Error) as error:
        stage.complain("broken", str(error), life=life.number, cycle=one.cycle)
        one.abort()

    report = one.report()
    stage.findings.clear()
    stage.agents.clear()
    stage.reaper.fell.clear()
    return Lived(report, one.ended.former if one.ended else None)


class _Life:
    def __init__(self, stage: Stage, life: Life, on_cycle: Callable[[], None]) -> None:
        self._stage = stage
        self._life = life
        self._on_cycle = on_cycle
        self._house: Open | None = None
        self._rest: Rest | None = None
        self._offset = 0
        self._start_ms = 0.0
        self._done = 0
        self.ended: Ended | None = None

    @property
    def cycle(self) -> int:
        """The cycle that is run, counted in the run."""
        return self._life.first + self._life.begin + self._done

    def run(self, former: Former | None) -> None:
        stage, life = self._stage, self._life
        house = self._open()
        if former is not None:
            take_over(stage, house, former)

        self._rest = Rest(house, cycles=len(life.cycles))
        self._run_cycles(house, self._rest)
        wrong = self._rest.compare(patience=stage.patience)
        for kind, detail in wrong.items():
            said = f"{detail} ({life.house}) after {self._done} cycles"
            stage.complain(kind, said, life=life.number, cycle=self.cycle - 1)

        run = max(1, self._done) if life.cycles else 0
        lived = life.model_copy(update={"end": life.begin + run})
        self.ended = end(stage, house, lived, offset=self._offset)
        self._close(house)
        if life.closing:
            check_lines(stage, self.ended.former)

    def _open(self) -> Open:
        stage, life = self._stage, self._life
        self._offset = stage.books.log_size()
        began = time.monotonic()
        house = open_house(
            life.house,
            life.backend,
            ground=stage.ground,
            argv=stage.programs[life.house],
            workspace=stage.books.workspace,
            environment=stage.environment | ({TIMEOUT_VARIABLE: HASTE} if life.hasty else {}),
        )
        self._house, stage.reaper.own = house, house.process
        self._start_ms = (time.monotonic() - began) * _MS_PER_S
        return house

    def _run_cycles(self, house: Open, rest: Rest) -> None:
        for index in self._life.cycles:
            if self._stage.enough:
                return

            settled = run_cycle(self._stage, house, self._life, index)
            self._done += 1
            rest.look(index, settled=settled)
            self._on_cycle()

    def _close(self, house: Open) -> None:
        said = house.said() + self._stage.books.log_since(self._offset)
        if failures := said.count(_TRACEBACK):
            last = said.rpartition(_TRACEBACK)[2][:_TAIL]
            detail = f"{failures} of a {self._life.house}, the last one: {last}"
            cycle = self.cycle - 1
            self._stage.complain("traceback", detail, life=self._life.number, cycle=cycle)

        house.close()
        self._house = None

    def abort(self) -> None:
        """End all that is there: a life that broke leaves nothing to the next one."""
        self._stage.end(self._stage.strangers(()))
        self._stage.doorbell.forget()
        if self._house is not None:
            self._close(self._house)

    def report(self) -> LifeReport:
        stage, ended, rest = self._stage, self.ended, self._rest
        return LifeReport(
            life=self._life,
            cycles=self._done,
            agents=dict(stage.agents),
            start_ms=round(self._start_ms, 1),
            ending_ms=round(ended.ending_ms, 1) if ended and ended.ending_ms is not None else None,
            goes_on=bool(ended and ended.goes_on),
            deltas=rest.deltas if rest else None,
            nursery_deltas=rest.nursery_deltas if rest else None,
            samples=tuple(rest.samples) if rest and self._life.long else (),
            fell=dict(stage.reaper.fell),
            findings=tuple(stage.findings),
        )
