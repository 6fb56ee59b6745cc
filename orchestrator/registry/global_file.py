"""``GLOBAL_REGISTRY.json`` of one base, brought up to date piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from .atomic import read_regular, stamp_of, write_atomically
from .projection import DONE, agent_summary, document_text, global_of, task_summary
from .registry import FOLDER
from .status import is_active

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from orchestrator.model import AgentRecord, Limits, TaskId

    from .atomic import Stamp
    from .registry import Registry

GLOBAL_REGISTRY: Final = "GLOBAL_REGISTRY.json"

#: Bytes of the file that are read; 100,000 agents are 50 MB.
_FILE_MAX: Final = 256 * 1024 * 1024

#: What stands in the file before, between and after the tasks, or the agents.
_FIRST: Final = '\n    "'
_BETWEEN: Final = f",{_FIRST}"
_LAST: Final = "\n  }\n}"


class _Read(BaseModel):
    """What is read again of the file."""

    model_config = ConfigDict(extra="allow")

    tasks: dict[str, Any]
    agents: dict[str, Any]
    active_tasks: int = 0


class GlobalFile:
    """The file, and what this process has last written into it.

    Every agent of a workspace stands in it. So its entries are kept as the text that they are in
    the file, 0.5 kB for each, and while nobody else writes it, a change costs what has changed and
    the writing itself; else the file is read again.
    """

    def __init__(self, base: Path) -> None:
        """Take the folder that holds the folders of the tasks."""
        self._base = base
        self._path = base / FOLDER / GLOBAL_REGISTRY
        self._stamp: Stamp | None = None
        self._rest: dict[str, Any] = {}
        self._tasks: dict[str, str] = {}
        self._agents: dict[str, str] = {}

    def write(
        self, registry: Registry, *, limits: Limits, changed: Collection[TaskId] | None = None
    ) -> None:
        """Write the tasks of the base, and their agents.

        What the file holds beside them, of the original server or of another workspace with tasks
        in this base, stays in it.

        Args:
            registry: Where they are recorded.
            limits: Those of the settings.
            changed: The tasks that are not in the file as they are now. None for all of them.

        Raises:
            OSError: The file cannot be written.
        """
        with registry.exclusive():
            known = changed is not None and self._is_known()
            # What fails from here on has to read the file again.
            self._stamp = None
            if changed is not None and known:
                self._bring_up_to_date(registry, changed)
            else:
                self._take_all(registry, limits)

            self._stamp = write_atomically(self._path, self._text())

    def _is_known(self) -> bool:
        """Whether the entries are those of the file; it is read when they are not."""
        if self._stamp is not None and stamp_of(self._path) == self._stamp:
            return True

        before = _read_again(self._path)
        if before is not None:
            self._take({**vars(before), **(before.model_extra or {})})

        return before is not None

    def _bring_up_to_date(self, registry: Registry, changed: Collection[TaskId]) -> None:
        """Put in the tasks that have changed since, and their agents."""
        tasks = [
            each for each in map(registry.tasks.get, changed) if each.workspace_base == self._base
        ]
        news = [each for each in tasks if each.id not in self._tasks and each.status not in DONE]
        for task in tasks:
            latest = registry.reports.latest_progress(task.id)
            agents = registry.agents.find(task_id=task.id)
            self._tasks |= _pieces({task.id: task_summary(task)})
            self._agents |= _pieces(
                {each.id: agent_summary(each, latest.get(each.id)) for each in agents}
            )

        self._rest |= {
            "total_tasks": len(self._tasks),
            "active_tasks": self._rest["active_tasks"] + len(news),
            "total_agents_spawned": len(self._agents),
            "active_agents": _count_active(registry, self._base),
        }

    def _take_all(self, registry: Registry, limits: Limits) -> None:
        tasks = [each for each in registry.tasks.all() if each.workspace_base == self._base]
        self._take(_with_others(global_of(registry, tasks, limits=limits), self._path))

    def _take(self, document: Mapping[str, Any]) -> None:
        self._tasks = _pieces(document["tasks"])
        self._agents = _pieces(document["agents"])
        self._rest = {
            key: value for key, value in document.items() if key not in {"tasks", "agents"}
        }

    def _text(self) -> str:
        head = document_text(self._rest).removesuffix("\n}")
        tasks, agents = _joined(self._tasks), _joined(self._agents)
        return f'{head},\n  "tasks": {tasks},\n  "agents": {agents}\n}}'


def _pieces(entries: Mapping[str, Any]) -> dict[str, str]:
    """Return the text of each entry, as it stands in the file between two of `_BETWEEN`."""
    if not entries:
        return {}

    text = document_text({"": entries}).removeprefix(f'{{\n  "": {{{_FIRST}').removesuffix(_LAST)
    # What an entry holds is indented further, and text in JSON has no line break of its own.
    return dict(zip(entries, text.split(_BETWEEN), strict=True))


def _joined(pieces: Mapping[str, str]) -> str:
    return f"{{{_FIRST}{_BETWEEN.join(pieces.values())}\n  }}" if pieces else "{}"


def _count_active(registry: Registry, base: Path) -> int:
    by_task: dict[TaskId, list[AgentRecord]] = {}
    for each in registry.agents.find(live=True):
        if each.task_id is not None:
            by_task.setdefault(each.task_id, []).append(each)

    count = 0
    for task_id, live in by_task.items():
        if registry.tasks.get(task_id).workspace_base == base:
            latest = registry.reports.latest_progress(task_id)
            count += sum(is_active(each, latest.get(each.id)) for each in live)

    return count


def _read_again(path: Path) -> _Read | None:
    try:
        return _Read.model_validate_json(read_regular(path, _FILE_MAX))
    except (OSError, ValidationError):
        return None


def _with_others(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the document with the entries of the file that it does not have itself."""
    before = _read_again(path)
    if before is None:
        return document

    tasks = {key: task for key, task in before.tasks.items() if key not in document["tasks"]}
    agents = {key: one for key, one in before.agents.items() if key not in document["agents"]}
    return document | {
        "tasks": tasks | document["tasks"],
        "agents": agents | document["agents"],
        "total_tasks": document["total_tasks"] + len(tasks),
        "total_agents_spawned": document["total_agents_spawned"] + len(agents),
    }
