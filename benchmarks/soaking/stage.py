"""What the lives of one lane share: a workspace, what is on record there, and a list of wrongs."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import psutil

from benchmarks import census

from . import processes
from .books import Books
from .doorbell import VARIABLE, Doorbell
from .ends import complain
from .model import Finding
from .processes import children_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from benchmarks.ground import Ground

    from .ends import Recorded
    from .houses import Soaked
    from .model import Wrong
    from .plan import House, Life
    from .processes import Process, Reaper

#: Folders of agents whose end was checked that stay for a while: files of theirs may be written.
_KEPT: Final = 100

#: What is found wrong of one life at most; more of it says no more.
_FINDINGS_MAX: Final = 50


class Stage:
    """The place of one lane; made once, for all of its lives.

    Attributes:
        ground: Its folder, environment and net.
        seed: What the plan is drawn from.
        programs: What is started for each kind of orchestrator.
        books: What is on record.
        patience: Seconds that anything may take before it counts as wrong.
        doorbell: Where agents ring.
        reaper: Reaps who falls to the lane.
        agents: How many agents of this life were seen to end, by what became of them.
        enough: Somebody wants the run to end: no more cycles.
    """

    def __init__(
        self,
        ground: Ground,
        reaper: Reaper,
        *,
        seed: int,
        programs: Mapping[House, tuple[str, ...]],
        patience: float,
    ) -> None:
        """Make workspace and doorbell."""
        self.ground = ground
        self.seed = seed
        self.programs = programs
        self.patience = patience
        self.reaper = reaper
        self.books = Books(ground.new_folder() / "workspace")
        self.doorbell = Doorbell(ground.folder / "doorbell")
        self.environment = {VARIABLE: str(ground.folder / "doorbell")}
        self.agents: Counter[str] = Counter()
        self.findings: list[Finding] = []
        self.enough = False
        self._done: deque[Path] = deque()

    def complain(self, kind: Wrong, detail: str, *, life: int, cycle: int) -> None:
        """Note that something is wrong."""
        if len(self.findings) < _FINDINGS_MAX:
            self.findings.append(Finding(kind=kind, life=life, cycle=cycle, detail=detail))

    def check_ends(self, agents: Sequence[Soaked]) -> None:
        """Wait until the ends of these agents are on record, and compare them with what was."""
        wanted = [each.id for each in agents]
        seen: dict[str, Recorded] = {}

        def look() -> bool:
            seen.update(self.books.agents([each for each in wanted if not _ended(seen, each)]))
            return all(_ended(seen, each) for each in wanted)

        if wanted:
            census.wait_until(look, within=self.patience)

        for agent in agents:
            self.agents[agent.launch.fate] += 1
            wrong = complain(agent.launch, agent.house, seen.get(agent.id))
            if wrong is None:
                self._put_away(agent)
            else:
                launch = f"{agent.launch.agent_type}, {agent.launch.fate}"
                said = f"agent {agent.id} ({launch}) of a {agent.house}: {wrong}"
                self.complain("outcome", said, life=agent.life, cycle=agent.cycle)

    def strangers(self, allowed: Collection[int]) -> list[Process]:
        """Return everyone below this lane but these, and whoever is below these.

        Whoever has ended as this lane's own child is reaped before.
        """
        if self.reaper.gone():
            return []

        return processes.below(os.getpid(), without=allowed)

    def wait_alone(self, allowed: Collection[int], *, house: int | None = None) -> list[Process]:
        """Wait until nobody is below this lane but those who may be; returns who is there anyway.

        Args:
            allowed: They may, with everyone below them.
            house: The pid of an orchestrator that may be there, and so may its nursery.
        """
        found: list[Process] = []

        def look() -> bool:
            found[:] = [
                each
                for each in self.strangers(allowed)
                if each.is_zombie or not (_at_home(each, house) or _is_kept(each, allowed))
            ]
            return not found

        census.wait_until(look, within=self.patience)
        return found

    def report_left(self, found: Sequence[Process], life: Life, cycle: int, when: str) -> None:
        """Note who is left, and end them."""
        for process in found:
            kind = "zombie" if process.is_zombie else "orphan"
            self.complain(kind, f"{process} {when}", life=life.number, cycle=cycle)

        self.end([each for each in found if not each.is_zombie])

    def end(self, found: Sequence[Process]) -> None:
        """End exactly these with SIGKILL, and wait for it; whose parent reaps is not waited for."""
        handles = list(filter(None, map(_handle, found)))
        for handle in handles:
            with suppress(psutil.NoSuchProcess):
                handle.send_signal(signal.SIGKILL)

        census.wait_until(lambda: all(map(census.is_zombie, handles)), within=self.patience)
        self.reaper.gone()

    def _put_away(self, agent: Soaked) -> None:
        workspace = self.books.workspace
        folder = workspace / agent.task if agent.task else workspace / "agents" / agent.id
        if folder not in self._done:
            self._done.append(folder)

        while len(self._done) > _KEPT:
            shutil.rmtree(self._done.popleft(), ignore_errors=True)


def _ended(seen: Mapping[str, Recorded], agent_id: str) -> bool:
    return agent_id in seen and seen[agent_id].final


def _at_home(process: Process, house: int | None) -> bool:
    return house is not None and (
        process.pid == house or (process.is_nursery and process.parent == house)
    )


def _is_kept(process: Process, allowed: Collection[int]) -> bool:
    """Whether it is a nursery that waits for a keeper that may be there."""
    return process.is_nursery and any(each in allowed for each in children_of(process.pid))


def _handle(process: Process) -> psutil.Process | None:
    try:
        return psutil.Process(process.pid)
    except psutil.NoSuchProcess:
        return None
