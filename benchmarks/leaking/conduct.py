"""The trials of a run, a few at a time, each in a lane of its own."""

from __future__ import annotations

import selectors
import sys
import tempfile
from collections import deque
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contenders.lines import LineChild
from benchmarks.errors import BrokenError

from . import daemons
from .endings import ENDINGS
from .model import News, Order
from .stand import PASSABLE

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from benchmarks.ground import Ground
    from benchmarks.plan import Plan
    from benchmarks.progress import Steps

    from .endings import Ending
    from .habits import Habit
    from .launchers.base import Launcher
    from .model import Trial


class _Lane(LineChild):
    """A lane, as the run sees it."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        folder.mkdir()
        super().__init__(
            ground,
            [sys.executable, "-m", "benchmarks.leaking.lane", str(folder)],
            environment={},
            name="a lane of trials",
        )

    def fileno(self) -> int:
        """Return where its answers come from."""
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def give(self, order: Order) -> None:
        """Give it a trial."""
        self.send(order.model_dump(mode="json"))

    def hear(self, order: Order) -> Trial:
        """Take what came of it.

        Raises:
            BrokenError: It could not be done.
        """
        news = News.model_validate(self.receive())
        if news.trial is None:
            raise BrokenError(f"{order.launcher}, {order.ending}: {news.broken}")

        return news.trial


def orders(
    plan: Plan, launchers: Iterable[Launcher], habits: Iterable[Habit], cluster: Path | None
) -> list[Order]:
    """Return every trial of a run; the first round of all comes before the second.

    Args:
        plan: How often, and which endings.
        launchers: Who takes part.
        habits: What agents each of them launches.
        cluster: See `Order`.
    """
    keys = tuple(habit.key for habit in habits)
    takers = list(launchers)
    return [
        Order(
            launcher=launcher.key,
            ending=ending.key,
            habits=keys,
            after=plan.leak_seconds,
            cluster=cluster,
        )
        for _ in range(plan.leak_rounds)
        for ending in endings(plan)
        for launcher in takers
        if ending.key not in launcher.not_for
    ]


def endings(plan: Plan) -> list[Ending]:
    """Return the endings of a plan."""
    return [each for each in ENDINGS if not plan.leak_endings or each.key in plan.leak_endings]


def conduct(
    plan: Plan,
    launchers: Sequence[Launcher],
    habits: Sequence[Habit],
    *,
    ground: Ground,
    steps: Steps,
) -> tuple[Trial, ...]:
    """Run all trials.

    Args:
        plan: How many.
        launchers: Who takes part.
        habits: What agents each of them launches.
        ground: Where.
        steps: Takes the progress.

    Raises:
        BrokenError: A trial could not be done.
    """
    with _open_folder() as folder:
        needs_cluster = any(habit.server == daemons.POSTGRESQL for habit in habits)
        cluster = daemons.make_cluster(folder) if needs_cluster else None
        waiting = deque(orders(plan, launchers, habits, cluster))
        steps.begin("leaks", len(waiting))
        done: list[Trial] = []
        with ExitStack() as stack, selectors.DefaultSelector() as selector:
            for number in range(min(plan.leak_lanes, len(waiting))):
                lane = _Lane(ground, folder / f"{number}")
                stack.callback(_see_off, lane)
                order = waiting.popleft()
                lane.give(order)
                selector.register(lane, selectors.EVENT_READ, order)

            while selector.get_map():
                for key, _ in selector.select():
                    lane = key.fileobj
                    assert isinstance(lane, _Lane)
                    done.append(lane.hear(key.data))
                    steps.advance()
                    if waiting:
                        lane.give(waiting[0])
                        selector.modify(lane, selectors.EVENT_READ, waiting.popleft())
                    else:
                        selector.unregister(lane)

        return tuple(done)


@contextmanager
def _open_folder() -> Generator[Path]:
    """Make a folder that a server's user can pass through, unlike the run's own."""
    with tempfile.TemporaryDirectory(prefix="bench-leaks-") as name:
        folder = Path(name).resolve()
        folder.chmod(PASSABLE)
        yield folder


def _see_off(lane: _Lane) -> None:
    """End a lane, with whatever it is at, and wait for it."""
    lane.process.terminate()
    lane.close()
