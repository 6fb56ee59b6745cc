"""What a process knows of the registry's content, so that it can be written again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orchestrator.model import AgentRecord, OrchestratorRecord

from .codec import decode
from .merging import merge_agents, merge_runs, merge_tasks
from .rows import AgentRow, RunRow, TaskRow
from .transaction import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from orchestrator.model import AgentId, OrchestratorId, TaskId

#: How much is kept of what can grow without end: records of a kind, and characters of these.
_NEWEST: Final = 1_000
_CHARACTERS: Final = 8_000_000

#: Ended agents that are kept as they were read, at 2 kB each: reading 1,000 anew takes 0.1 s.
_READ: Final = 2_000


class Memory:
    """The runs, tasks and agents that this process has written or read.

    All live agents are kept, and the newest ones of the rest. Reports are not kept.

    Attributes:
        agents: The live agents, each with its JSON.
    """

    def __init__(self) -> None:
        """Know nothing."""
        self.agents: dict[AgentId, tuple[str, AgentRecord]] = {}
        self._ended = _Newest()
        self._read: dict[AgentId, tuple[str, AgentRecord]] = {}
        self._tasks = _Newest()
        self._runs = _Newest()
        self._own: dict[OrchestratorId, str] = {}
        self._ending: set[str] = set()
        self._gates: set[str] = set()

    @property
    def own_run(self) -> OrchestratorId | None:
        """The newest run of this process, which must be on record; None when it has none."""
        return next(reversed(self._own), None)

    def keep_agent(self, text: str, record: AgentRecord) -> None:
        """Remember an agent that is on record; an ended one, if it was known while it lived."""
        if record.live:
            self.agents[record.id] = (text, record)
        elif self.agents.pop(record.id, None) is not None:
            self._ended.put(record.id, text)

    def known_agent(self, agent_id: AgentId, text: str) -> AgentRecord | None:
        """Return the agent of this JSON, if it was read or written before."""
        known = self.agents.get(agent_id) or self._read.get(agent_id)
        return known[1] if known is not None and known[0] == text else None

    def keep_read(self, text: str, record: AgentRecord) -> None:
        """Remember an agent as it was read; of those that have ended, the newest ones."""
        self.keep_agent(text, record)
        if not record.live:
            self._read.pop(record.id, None)
            self._read[record.id] = (text, record)
            if len(self._read) > _READ:
                del self._read[next(iter(self._read))]

    def drop_agent(self, agent_id: AgentId) -> None:
        """Forget an agent that is on record no more."""
        self.agents.pop(agent_id, None)

    def keep_gate(self, agent_id: AgentId) -> None:
        """Remember that nothing may be launched below this agent."""
        self._gates.add(agent_id)

    def keep_task(self, task_id: TaskId, text: str) -> None:
        """Remember a task that is on record."""
        self._tasks.put(task_id, text)

    def keep_run(self, text: str, record: OrchestratorRecord, *, own: bool = False) -> None:
        """Remember a run that is on record.

        Args:
            text: Its JSON.
            record: The run.
            own: It is of this process, which knows best how its agents are.
        """
        if own or record.id in self._own:
            self._own[record.id] = text
        else:
            self._runs.put(record.id, text)

        if record.shutdown_began_at is not None:
            self._ending.add(record.id)

    def misses(self, agent_id: AgentId) -> bool:
        """Whether an agent must be on record: it lives, and only this process may remove it."""
        known = self.agents.get(agent_id)
        return known is not None and known[1].owner in self._own

    def restore(self, connection: sqlite3.Connection) -> int:
        """Write what is missing, or not in its latest state; return how many records.

        Raises:
            sqlite3.Error: The file cannot be written; nothing was changed.
        """
        with transaction(connection):
            merged = merge_runs(connection, self._run_rows())
            tasks = (TaskRow(*each) for each in self._tasks.items())
            merged += merge_tasks(connection, tasks)
            return merged + merge_agents(connection, self._agent_rows(), claims=self._claims)

    def _claims(self, owner: str) -> bool:
        # of a run that ends, others may have adopted the agents
        return owner in self._own and owner not in self._ending

    def _run_rows(self) -> Iterator[RunRow]:
        for _, text in (*self._runs.items(), *self._own.items()):
            yield RunRow.of(decode(OrchestratorRecord, text), text)

    def _agent_rows(self) -> list[AgentRow]:
        known = [(text, decode(AgentRecord, text)) for _, text in self._ended.items()]
        known += self.agents.values()
        # parents before their children
        known.sort(key=lambda each: (each[1].depth, each[1].created_at))
        return [AgentRow.of(record, text, gate=record.id in self._gates) for text, record in known]


class _Newest:
    """The newest ones of many texts, within bounds."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._characters = 0

    def put(self, key: str, text: str) -> None:
        """Take one in, or its newer form, and let the oldest ones go."""
        if self._texts.get(key) == text:
            return

        self._characters += len(text) - len(self._texts.pop(key, ""))
        self._texts[key] = text
        while len(self._texts) > _NEWEST or self._characters > _CHARACTERS:
            oldest = next(iter(self._texts))
            self._characters -= len(self._texts.pop(oldest))

    def items(self) -> list[tuple[str, str]]:
        """Return all, oldest first."""
        return list(self._texts.items())
