"""One lane, a process: one trial after the other, each begun and ended with nobody below it.

It is a child subreaper, so everyone that any launcher or agent of a trial starts stays below it
until it is reaped here. Reads orders, one on each line, and answers each with its news.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks import census
from benchmarks.errors import BrokenError
from benchmarks.soaking.processes import Reaper
from orchestrator.process.kernel import become_subreaper

from .model import News, Order
from .stand import PASSABLE, LaneGround
from .trial import run_trial

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

_ARGUMENTS: Final = 2


def _terminated(_number: int, _frame: FrameType | None) -> NoReturn:
    """End through every clean-up."""
    raise KeyboardInterrupt


def main() -> int:
    """Run in the folder that the argument names, until the end of input."""
    if len(sys.argv) != _ARGUMENTS:
        sys.stderr.write("usage: python -m benchmarks.leaking.lane FOLDER\n")
        return 2

    become_subreaper()
    # A handler, whatever this process was started with: what is ignored would be so below it too.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _terminated)

    folder = Path(sys.argv[1])
    folder.chmod(PASSABLE)
    ground, reaper = LaneGround(folder), Reaper()
    try:
        for line in sys.stdin:
            try:
                news = News(trial=run_trial(Order.model_validate_json(line), ground, reaper))
            except BrokenError as error:
                news = News(broken=str(error))

            sys.stdout.write(news.model_dump_json() + "\n")
            sys.stdout.flush()
    except KeyboardInterrupt:
        return 1
    finally:
        census.end(census.descendants())

    return 0


if __name__ == "__main__":
    sys.exit(main())
