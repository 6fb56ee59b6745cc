"""One lane, a process: one workspace, and one orchestrator after the other.

Reads lives, one on each line, and says what came of each; at end of input it starts one more
orchestrator, which settles what the last life has left, and says what is on record in the end.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import census
from benchmarks.ground import Ground
from orchestrator.model.base import Noun
from orchestrator.process.kernel import become_subreaper

from .life import live

# pydantic reads these at run time
from .model import LaneReport, LifeReport
from .plan import WAYS, House, Life
from .processes import Reaper
from .stage import Stage

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

    from .ending import Former

#: What is started for each kind of orchestrator.
PROGRAMS: Final[dict[House, tuple[str, ...]]] = {
    "library": (sys.executable, "-m", "benchmarks.workers.soaked"),
    "mcp": (sys.executable, "-m", "orchestrator"),
}


class LaneOrder(Noun):
    """What a lane is told first.

    Attributes:
        folder: Where everything of it is; empty.
        seed: What the plan is drawn from.
        programs: What is started for each kind of orchestrator.
        patience: Seconds that anything may take before it counts as wrong.
    """

    folder: Path
    seed: int
    programs: dict[House, tuple[str, ...]]
    patience: float


class LaneNews(Noun):
    """What a lane says: one of these.

    Attributes:
        cycles: So many more were run.
        life: A life is over.
        end: So is the lane.
    """

    cycles: int = 0
    life: LifeReport | None = None
    end: LaneReport | None = None


class _Lane:
    def __init__(self, order: LaneOrder) -> None:
        self.ground = Ground(order.folder)
        self.stage = Stage(
            self.ground,
            Reaper(),
            seed=order.seed,
            programs=order.programs,
            patience=order.patience,
        )
        self._starts = 0
        self._former: Former | None = None

    def run(self) -> None:
        for line in sys.stdin:
            self._starts += 1
            life = Life.model_validate_json(line)
            lived = live(self.stage, life, self._former, on_cycle=_say_cycle)
            self._former = lived.former
            _say(LaneNews(life=lived.report))

        _say(LaneNews(end=self._close()))

    def _close(self) -> LaneReport:
        findings = ()
        if self._former is not None:
            self._starts += 1
            # It takes over what the last one has left, and runs nothing itself.
            last = self._former.life
            life = last.model_copy(
                update={
                    "house": "library",
                    "way": WAYS[0],
                    "begin": last.end,
                    "hasty": False,
                    "closing": True,
                }
            )
            findings = live(self.stage, life, self._former, on_cycle=_say_cycle).report.findings

        books = self.stage.books
        return LaneReport(
            starts=self._starts,
            agents=books.count(),
            database=books.size(),
            log=books.log_size(),
            findings=findings,
        )


def _say(news: LaneNews) -> None:
    sys.stdout.write(news.model_dump_json(exclude_defaults=True) + "\n")
    sys.stdout.flush()


def _say_cycle() -> None:
    _say(LaneNews(cycles=1))


def _terminated(_number: int, _frame: FrameType | None) -> NoReturn:
    """End as after Ctrl-C: through every clean-up."""
    raise KeyboardInterrupt


def main() -> int:
    """Run until the end of input; SIGINT ends the life that is lived after its present cycle."""
    become_subreaper()
    signal.signal(signal.SIGTERM, _terminated)
    lane = _Lane(LaneOrder.model_validate(json.loads(sys.stdin.readline())))

    def enough(_number: int, _frame: FrameType | None) -> None:
        lane.stage.enough = True

    signal.signal(signal.SIGINT, enough)
    try:
        lane.run()
    except (KeyboardInterrupt, BrokenPipeError):
        return 1
    finally:
        census.end(census.descendants())
        lane.ground.reap()

    return 0


if __name__ == "__main__":
    sys.exit(main())
