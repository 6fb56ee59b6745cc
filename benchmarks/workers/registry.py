"""A registry that changes states as supervision does, or a bare table of sqlite's, and is timed.

Reads lines like ``{"do": "turn", "lives": 25, "before": 137}`` and answers each with a line; ends
at end of input. What is on record is the same in every turn: each works on a fresh copy.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from benchmarks.workers import registry_records as records
from benchmarks.workers.registry_bare import Bare
from orchestrator.config import Settings
from orchestrator.model import Limits, freeze
from orchestrator.registry import Registry
from orchestrator.registry.atomic import make_private_folder
from orchestrator.tasks import Projector
from orchestrator.tasks.places import make_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from orchestrator.model import AgentRecord

#: Agents of each task, where they have tasks.
AGENTS_OF_TASK: Final = 20

_MS_PER_S: Final = 1000.0
_MS_PER_NS: Final = 1e-6


class Store(Protocol):
    """Something with so many agents on record."""

    def turn(self, lives: int, before: int) -> dict[str, Any]:
        """Change states; see the subclasses."""
        ...


class Changes:
    """A registry of agents without a task, which is how the library launches them."""

    def __init__(self, folder: Path, count: int) -> None:
        """Put so many ended agents on record."""
        self._folder = folder / "template"
        self._copy = folder / "copy"
        self._count = count
        make_private_folder(self._folder)
        with Registry.open(self._folder) as registry:
            registry.orchestrators.add(records.orchestrator())
            for number in range(count):
                registry.agents.add(records.agent(number, self._copy, state=records.EXITED))

    def turn(self, lives: int, before: int) -> dict[str, Any]:
        """Let agents live, one after another, and time each change.

        Args:
            lives: How many agents.
            before: Changes that are made first and not timed, so that the log of sqlite is
                another part full each time, and is written back as often as it would be.
        """
        times: dict[str, list[float]] = {change: [] for change in records.CHANGES}
        with fresh(self._folder, self._copy) as registry:
            self._fill_log(registry, before)
            for number in range(self._count + 1, self._count + 1 + lives):
                record = records.agent(number, self._copy)
                for change, took in zip(records.CHANGES, live(registry, record), strict=True):
                    times[change].append(took)

        return {"times": times}

    def _fill_log(self, registry: Registry, before: int) -> None:
        one = records.agent(self._count, self._copy)
        registry.agents.add(one, Limits())
        registry.agents.set_state(one.id, records.RUNNING)
        frozen = freeze(records.RUNNING, records.RUNNING.since)
        for number in range(before):
            registry.agents.set_state(one.id, records.RUNNING if number % 2 else frozen)


class Projection:
    """A registry of tasks, whose JSON files are kept up to date."""

    def __init__(self, folder: Path, count: int) -> None:
        """Put so many agents on record, `AGENTS_OF_TASK` for each task."""
        self._folder = folder
        make_private_folder(folder)
        self._first = records.task(0, folder)
        with Registry.open(folder) as registry:
            whole, rest = divmod(count, AGENTS_OF_TASK)
            fill(registry, folder, [*[AGENTS_OF_TASK] * whole, *([rest] if rest else [])])

    def turn(self, lives: int, before: int) -> dict[str, Any]:
        """Write the files after a change of one task, so often; `before` makes no difference."""
        del before
        walls: list[float] = []
        ran: list[float] = []
        settings = Settings.read({}, workspace=self._folder)
        with Registry.open(self._folder) as registry:
            projector = Projector(registry, settings)
            # The first time, all that is on record is written.
            projector.task_changed(self._first.id)
            projector.flush()
            for _ in range(lives):
                projector.task_changed(self._first.id)
                began = time.process_time_ns()
                walls.append(timed(projector.flush))
                ran.append((time.process_time_ns() - began) * _MS_PER_NS)

        return {"times": {"flush": walls, "cpu": ran}}


def fill(registry: Registry, workspace: Path, sizes: list[int]) -> list[str]:
    """Put tasks on record, with so many ended agents each; returns their ids."""
    registry.orchestrators.add(records.orchestrator())
    number = 0
    ids: list[str] = []
    for each, size in enumerate(sizes):
        task = records.task(each, workspace)
        make_folders(task)
        registry.tasks.add(task)
        ids.append(task.id)
        for _ in range(size):
            number += 1
            registry.agents.add(
                records.agent(number, workspace, state=records.EXITED, task_id=task.id)
            )

    return ids


@contextmanager
def fresh(template: Path, copy: Path) -> Generator[Registry]:
    """Open a copy of a registry for the length of the block."""
    shutil.copytree(template, copy)
    try:
        with Registry.open(copy) as registry:
            yield registry
    finally:
        shutil.rmtree(copy)


def live(registry: Registry, record: AgentRecord) -> list[float]:
    """Put an agent on record and let it live; returns the milliseconds of each change."""
    agents = registry.agents
    return [
        timed(lambda: agents.add(record, Limits())),
        timed(lambda: agents.set_state(record.id, records.RUNNING)),
        timed(lambda: agents.set_state(record.id, records.STOPPING)),
        timed(lambda: agents.set_state(record.id, records.EXITED)),
    ]


def timed(work: Callable[[], object]) -> float:
    """Return the milliseconds that it takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * _MS_PER_S


def serve(store: Store) -> None:
    """Take turns until end of input."""
    _answer({})
    for line in sys.stdin:
        request = json.loads(line)
        _answer(store.turn(request["lives"], request["before"]))


def _answer(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Be what the arguments say."""
    match sys.argv[1:]:
        case ["changes", folder, count]:
            serve(Changes(Path(folder), int(count)))
        case ["bare", folder, count]:
            serve(Bare(Path(folder), int(count)))
        case ["projection", folder, count]:
            serve(Projection(Path(folder), int(count)))
        case ["fill", folder, *sizes]:
            make_private_folder(Path(folder))
            with Registry.open(Path(folder)) as registry:
                _answer({"tasks": fill(registry, Path(folder), list(map(int, sizes)))})
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2

    return 0


if __name__ == "__main__":
    sys.exit(main())
