"""The run: lanes side by side, and lives handed out to them."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

from benchmarks.errors import BrokenError
from benchmarks.ground import wait_ended
from benchmarks.machine import describe
from orchestrator.model.base import Noun

from .lane import PROGRAMS, LaneNews, LaneOrder
from .model import Finding, LaneReport, LifeReport, SoakReport
from .plan import House, draw_lives

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from benchmarks.ground import Ground
    from benchmarks.progress import Steps

    from .plan import Life

#: Seconds that anything may take on a busy machine before it counts as wrong.
PATIENCE: Final = 30.0

#: Lanes for each core: much of a cycle is waiting for graces.
_LANES_PER_CORE: Final = 3

_CHUNK = 1 << 16
_TAIL = 2000
_ROUND = 1.0


class Asked(Noun):
    """What a run is to do.

    Attributes:
        seed: What everything is drawn from.
        cycles: Of all lives together.
        from_cycle: The first one that is run.
        to_cycle: The last one; None for the last there is.
        seconds: After which no cycle begins; None for as long as it takes.
        lanes: How many run side by side.
        programs: What is started for each kind of orchestrator.
        patience: Seconds that anything may take before it counts as wrong.
    """

    seed: int
    cycles: int
    from_cycle: int = 0
    to_cycle: int | None = None
    seconds: float | None = None
    lanes: int
    programs: dict[House, tuple[str, ...]] = PROGRAMS
    patience: float = PATIENCE

    @property
    def planned(self) -> int:
        """How many cycles are to be run."""
        last = self.cycles if self.to_cycle is None else min(self.cycles, self.to_cycle + 1)
        return max(0, last - self.from_cycle)


def default_lanes() -> int:
    """Return how many lanes this machine should have."""
    return _LANES_PER_CORE * len(os.sched_getaffinity(0))


class _LaneChild:
    """A lane, as the run sees it.

    Attributes:
        life: What it was given last, and has not reported yet.
        done: How many cycles of that were run.
        report: What it came to in the end.
    """

    def __init__(self, ground: Ground, asked: Asked) -> None:
        folder = ground.new_folder()
        # Its name marks what it starts, see `Ground`.
        own = folder / f"{ground.folder.name}-{folder.name}"
        own.mkdir()
        self.life: Life | None = None
        self.done = 0
        self.report: LaneReport | None = None
        self._errors = folder / "stderr"
        with self._errors.open("wb") as errors:
            self.process = ground.spawn(
                [sys.executable, "-m", "benchmarks.soaking.lane"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                new_session=True,
            )

        self._buffer = b""
        order = LaneOrder(
            folder=own, seed=asked.seed, programs=asked.programs, patience=asked.patience
        )
        self._write(order.model_dump_json())

    def fileno(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def give(self, life: Life | None) -> None:
        """Give it something to do; None tells it that there is no more."""
        self.life, self.done = life, 0
        if life is not None:
            self._write(life.model_dump_json())
        elif self.process.stdin is not None:
            self.process.stdin.close()

    def hear(self) -> list[LaneNews] | None:
        """Return what it says; None when it has ended."""
        data = os.read(self.fileno(), _CHUNK)
        if not data:
            return None

        *lines, self._buffer = (self._buffer + data).split(b"\n")
        return [LaneNews.model_validate_json(line) for line in lines]

    def said(self) -> str:
        """Return the last of what it said on standard error."""
        return self._errors.read_text(encoding="utf-8", errors="replace")[-_TAIL:].strip()

    def close(self) -> None:
        """See it off."""
        self.process.send_signal(signal.SIGTERM)
        try:
            wait_ended(self.process, what="a lane")
        except BrokenError:
            pass
        finally:
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()

    def _write(self, line: str) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(f"{line}\n".encode())
        except OSError as error:
            raise BrokenError(f"a lane of the soak does not listen: {error.strerror}") from error


def conduct(asked: Asked, ground: Ground, steps: Steps) -> SoakReport:
    """Run it; Ctrl-C ends it after the present cycles, a second one at once.

    Args:
        asked: What.
        ground: Where.
        steps: Takes the progress.

    Raises:
        BrokenError: A lane does not listen.
    """
    run = _Run(asked, ground, steps)
    began = time.monotonic()
    steps.begin("soak", asked.planned)
    try:
        run.conduct(began)
    finally:
        run.close()

    return SoakReport(
        machine=describe(),
        seed=asked.seed,
        cycles=asked.cycles,
        from_cycle=asked.from_cycle,
        done=run.done,
        lanes=asked.lanes,
        cut_short=run.cut_short,
        seconds=round(time.monotonic() - began, 1),
        lives=tuple(run.lives),
        reports=tuple(run.reports),
    )


class _Run:
    def __init__(self, asked: Asked, ground: Ground, steps: Steps) -> None:
        self._asked = asked
        self._steps = steps
        self._plan: Iterator[Life] = draw_lives(
            asked.seed, asked.cycles, from_cycle=asked.from_cycle, to_cycle=asked.to_cycle
        )
        self._lanes = [_LaneChild(ground, asked) for _ in range(asked.lanes)]
        self._open = list(self._lanes)
        self.done = 0
        self.cut_short = False
        self.lives: list[LifeReport] = []
        self.reports: list[LaneReport] = []

    def conduct(self, began: float) -> None:
        former = signal.signal(signal.SIGINT, self._interrupted)
        try:
            for lane in self._lanes:
                lane.give(self._next())

            with selectors.DefaultSelector() as selector:
                for lane in self._lanes:
                    selector.register(lane, selectors.EVENT_READ, lane)

                while self._open:
                    for key, _ in selector.select(_ROUND):
                        self._hear(key.data, selector)

                    self._watch_time(began)
        finally:
            signal.signal(signal.SIGINT, former)

    def close(self) -> None:
        for lane in self._lanes:
            lane.close()

    def _hear(self, lane: _LaneChild, selector: selectors.BaseSelector) -> None:
        heard = lane.hear()
        if heard is None:
            selector.unregister(lane)
            self._open.remove(lane)
            if lane.report is None:
                self._note_crash(lane)

            return

        for news in heard:
            for _ in range(news.cycles):
                self.done += 1
                lane.done += 1
                self._steps.advance()

            if news.life is not None:
                self.lives.append(news.life)
                lane.give(self._next())

            if news.end is not None:
                lane.report = news.end
                self.reports.append(news.end)

    def _note_crash(self, lane: _LaneChild) -> None:
        status = lane.process.wait()
        life = lane.life
        cycle = life.first + life.begin + lane.done if life else 0
        finding = Finding(
            kind="broken",
            life=life.number if life else 0,
            cycle=cycle,
            detail=f"its lane ended with the status {status}; it said: {lane.said() or 'nothing'}",
        )
        self.reports.append(LaneReport(starts=0, agents=0, database=0, log=0, findings=(finding,)))

    def _next(self) -> Life | None:
        return None if self.cut_short else next(self._plan, None)

    def _watch_time(self, began: float) -> None:
        limit = self._asked.seconds
        if limit is not None and not self.cut_short and time.monotonic() - began > limit:
            self._cut_short()

    def _cut_short(self) -> None:
        self.cut_short = True
        for lane in self._open:
            lane.process.send_signal(signal.SIGINT)

    def _interrupted(self, _number: int, _frame: Any) -> None:
        if self.cut_short:
            raise KeyboardInterrupt

        self._cut_short()
