"""The ground of a trial: folders for its agents, and launchers that lead sessions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

from benchmarks.ground import RUN_VARIABLE, Ground

from . import daemons
from .habits import GO, HABIT_BY_KEY, SCRIPT, SHELL

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from .habits import Habit

#: Servers that another user runs have to come by.
PASSABLE: Final = 0o711


class LaneGround(Ground):
    """The ground of a lane; whatever it starts leads a session, and so a group, of its own."""

    def __init__(self, folder: Path) -> None:
        """Mark what it starts as the run's."""
        super().__init__(folder)
        self.environment[RUN_VARIABLE] = os.environ.get(RUN_VARIABLE, folder.name)

    def spawn(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
        new_session: bool = True,
    ) -> subprocess.Popen[bytes]:
        """See `Ground`."""
        return super().spawn(
            argv,
            environment=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            new_session=new_session,
        )


class Stand:
    """What a launcher is given in one trial; made by `open_stand`.

    Attributes:
        ground: Starts its processes.
        folder: Its own, empty.
        place: Each agent works in the folder there that is named like its habit.
        habits: What agents there are to be.
    """

    def __init__(self, ground: LaneGround, folder: Path, habits: tuple[Habit, ...]) -> None:
        """Make folders."""
        self.ground = ground
        self.folder = folder / "own"
        self.place = folder / "at"
        self.habits = habits
        self.folder.mkdir()
        for made in (folder, self.place):
            made.mkdir(exist_ok=True)
            made.chmod(PASSABLE)

        for habit in habits:
            self.at(habit).mkdir()

    def at(self, habit: Habit) -> Path:
        """Return where the agent with this habit works."""
        return self.place / habit.key

    def argv(self, habit: Habit) -> tuple[str, ...]:
        """Return what the agent with this habit runs."""
        return self._argv(habit.key)

    @property
    def argv_by_id(self) -> tuple[str, ...]:
        """What agents run that learn their habit from the first part of their id."""
        return self._argv("-")

    def let_go(self) -> None:
        """Let the gated agents begin."""
        for habit in self.habits:
            if habit.gated:
                (self.at(habit) / GO).touch()

    def call_off(self) -> None:
        """Make the gated agents end by themselves, soon."""
        for habit in self.habits:
            if habit.gated:
                (self.at(habit) / GO).unlink(missing_ok=True)

    def _argv(self, word: str) -> tuple[str, ...]:
        return (SHELL, str(SCRIPT), word, str(self.place), sys.executable)


@contextmanager
def open_stand(ground: LaneGround, habits: Sequence[str], cluster: Path | None) -> Generator[Stand]:
    """Make it, with what servers need; its folders are removed at the end of the block.

    Args:
        ground: Of the lane.
        habits: The keys of the agents' habits.
        cluster: What PostgreSQL's data are copied from.
    """
    folder = ground.new_folder()
    try:
        stand = Stand(ground, folder, tuple(HABIT_BY_KEY[habit] for habit in habits))
        for habit in stand.habits:
            if habit.server is not None:
                daemons.hand_over(stand.at(habit))

            if habit.server == daemons.POSTGRESQL and cluster is not None:
                daemons.copy_cluster(cluster, stand.at(habit) / "data")

        yield stand
    finally:
        shutil.rmtree(folder, ignore_errors=True)
