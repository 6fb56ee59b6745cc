"""Keeping the JSON files of the original server up to date: a projection of the registry."""

from __future__ import annotations

import logging
import math
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

import anyio

from orchestrator.errors import NotFoundError, OrchestratorError
from orchestrator.registry import projection
from orchestrator.registry.global_file import GlobalFile

from .completion import read_validations

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from pathlib import Path

    from orchestrator.config import Settings
    from orchestrator.model import AgentRecord, TaskId
    from orchestrator.registry import Registry

logger = logging.getLogger(__name__)

#: Writing the files takes at most one part in so many of the time, however large they grow.
_SHARE: Final = 10

#: Seconds before what could not be written is tried again.
AGAIN: Final = 10.0


class Projector:
    """Writes what has changed: soon, many changes at once, and the last ones in any case."""

    def __init__(self, registry: Registry, settings: Settings) -> None:
        """Made by `open_projector`."""
        self._registry = registry
        self._settings = settings
        self._dirty: set[TaskId] = set()
        self._failing: set[str] = set()
        self._files: dict[Path, GlobalFile] = {}
        self._news = anyio.Event()

    def agent_changed(self, record: AgentRecord) -> None:
        """Note that an agent has changed."""
        if record.task_id is not None:
            self.task_changed(record.task_id)

    def task_changed(self, task_id: TaskId) -> None:
        """Note that a task, or a report on it, has changed."""
        self._dirty.add(task_id)
        self._news.set()

    def task_created(self, task_id: TaskId) -> None:
        """Write the file of a new task at once: whoever knows its id finds it."""
        self._write_task(task_id)
        self.task_changed(task_id)

    def flush(self) -> None:
        """Write all that has changed, now; what cannot be written is left for the next time."""
        changed, self._dirty = self._dirty, set()
        bases = {self._settings.workspace}
        for task_id in changed:
            self._write_task(task_id)
            with self._trying(f"where task {task_id} is", {task_id}):
                bases.add(self._registry.tasks.get(task_id).workspace_base)

        for base in bases if changed else ():
            with self._trying(f"the registry file of {base}", changed):
                file = self._files.setdefault(base, GlobalFile(base))
                file.write(self._registry, limits=self._settings.limits, changed=changed)

    def _write_task(self, task_id: TaskId) -> None:
        with self._trying(f"the registry file of task {task_id}", {task_id}):
            projection.write_task(self._registry, task_id, read_validations)

    @contextmanager
    def _trying(self, what: str, tasks: set[TaskId]) -> Generator[None]:
        """Keep the tasks of what cannot be brought up to date, and say so once."""
        try:
            yield
        except NotFoundError as error:
            logger.debug("%s: %s", what, error)  # with a registry that was replaced
        except (OSError, OrchestratorError) as error:
            self._dirty |= tasks
            if what not in self._failing:
                self._failing.add(what)
                logger.warning(
                    "%s cannot be brought up to date: %s; it is tried again", what, error
                )
        else:
            self._failing.discard(what)

    async def run(self) -> None:
        """Write whenever something has changed, and again what could not be written."""
        while True:
            with anyio.move_on_after(AGAIN if self._dirty else math.inf):
                await self._news.wait()

            self._news = anyio.Event()
            began = time.monotonic()
            self.flush()
            await anyio.sleep((time.monotonic() - began) * _SHARE)


@asynccontextmanager
async def open_projector(registry: Registry, settings: Settings) -> AsyncGenerator[Projector]:
    """Keep the files up to date for the length of the block, and once more at its end."""
    projector = Projector(registry, settings)
    async with anyio.create_task_group() as group:
        group.start_soon(projector.run)
        try:
            yield projector
        finally:
            group.cancel_scope.cancel()
            projector.flush()
