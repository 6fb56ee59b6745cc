"""The agents, as they are stored, and the changes of their states."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from orchestrator.errors import LimitReachedError, NotFoundError, RegistryError
from orchestrator.model import AgentRecord, may_follow, new_agent_id

from .codec import decode, encode
from .family import Ancestor, check_ancestors, check_depth
from .rows import AgentRow
from .table import Table, mended

if TYPE_CHECKING:
    from orchestrator.model import (
        AgentId,
        AgentState,
        Cookie,
        Limits,
        OrchestratorId,
        TaskId,
    )


class Agents(Table):
    """Every agent of this workspace."""

    def new_id(self, agent_type: str) -> AgentId:
        """Return an id for a new agent that no agent of this workspace has.

        Within one second there are 16 million ids for a type, which is little in a storm of
        launches: of 1,000 in a second, two share one in 3 of 100 cases.
        """
        agent_id = new_agent_id(agent_type)
        while self._is_known(agent_id):
            agent_id = new_agent_id(agent_type)

        return agent_id

    @mended
    def add(self, record: AgentRecord, limits: Limits | None = None) -> None:
        """Store an agent, if there may be one more.

        The limits of each agent above it hold, too: the counts over those below that one.

        Args:
            record: In any state; a new agent is ``starting``.
            limits: Counted over its task, or over its owner's agents without a task; None for no
                limits.

        Raises:
            NotFoundError: Its parent is not known.
            GateClosedError: The family of an agent above it is being stopped; nothing was stored.
            LimitReachedError: One more would be too many, or too deep; nothing was stored.
            RegistryError: Its id or its cookie is in use.
        """
        text = encode(record)
        with self.database.write() as connection:
            if record.parent is not None:
                check_ancestors(self.database, self._above(record.parent), record)

            if limits is not None:
                self._check(record, limits)

            try:
                connection.execute(
                    "INSERT INTO agents (id, owner, task_id, parent, cookie, state, live, record,"
                    " gate) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    AgentRow.of(record, text),
                )
            except sqlite3.IntegrityError as error:
                raise RegistryError(
                    f"There is an agent with the id {record.id} or its cookie already ({error}); "
                    "launch it with new ones",
                    agent_id=record.id,
                ) from error

        self.memory.keep_agent(text, record)

    @mended
    def remove(self, agent_id: AgentId) -> None:
        """Forget an agent that the operating system would not start.

        Raises:
            NotFoundError: There is none of this id.
            RegistryError: It has got beyond ``starting``: what ran stays on record.
        """
        with self.database.write() as connection:
            record = self.get(agent_id)
            if record.state.kind != "starting":
                raise RegistryError(
                    f"Agent {agent_id} is {record.state.kind} and stays on record; record its end",
                    agent_id=agent_id,
                )

            connection.execute("DELETE FROM agents WHERE id = ?", (agent_id,))

        self.memory.drop_agent(agent_id)

    @mended
    def set_state(self, agent_id: AgentId, state: AgentState) -> AgentRecord:
        """Record the next state of an agent, and return the agent as it is from then on.

        The first final state stays: when the agent has one, that is what is returned, and nothing
        changes.

        Raises:
            NotFoundError: There is no such agent.
            RegistryError: This state may not follow the present one.
        """
        with self.database.write() as connection:
            record = self.get(agent_id)
            if not record.live:
                return record

            if not may_follow(record.state, state):
                raise RegistryError(
                    f"Agent {agent_id} is {record.state.kind} and cannot become {state.kind}",
                    agent_id=agent_id,
                )

            record = record.model_copy(update={"state": state})
            text = encode(record)
            connection.execute(
                "UPDATE agents SET state = ?, record = ? WHERE id = ?",
                (state.kind, text, agent_id),
            )
            if not record.live:
                connection.execute("UPDATE agents SET live = 0 WHERE id = ?", (agent_id,))

        self.memory.keep_agent(text, record)
        return record

    @mended
    def close_gate(self, agent_id: AgentId) -> list[AgentRecord]:
        """Let nothing be launched below an agent any more, for good.

        Returns:
            The agent and all below it that are live then, parents before their children.

        Raises:
            NotFoundError: There is no such agent.
        """
        with self.database.write() as connection:
            head = self.get(agent_id)
            connection.execute("UPDATE agents SET gate = 1 WHERE id = ?", (agent_id,))
            family = [head, *self.descendants(agent_id)]

        self.memory.keep_gate(agent_id)
        return sorted((each for each in family if each.live), key=lambda each: each.depth)

    @mended
    def adopt(
        self, agent_id: AgentId, *, former: OrchestratorId, owner: OrchestratorId
    ) -> AgentRecord | None:
        """Give a live agent to another orchestrator, if it is still the former one's.

        Args:
            agent_id: Which agent.
            former: Whose it was when it was looked at.
            owner: Whose it is to be.

        Returns:
            The agent as it is from then on; None when somebody else was faster, or it has ended.

        Raises:
            NotFoundError: There is no such agent.
        """
        with self.database.write() as connection:
            record = self.get(agent_id)
            if record.owner != former or not record.live:
                return None

            record = record.model_copy(update={"owner": owner})
            text = encode(record)
            connection.execute(
                "UPDATE agents SET owner = ?, record = ? WHERE id = ?", (owner, text, agent_id)
            )

        self.memory.keep_agent(text, record)
        return record

    @mended
    def get(self, agent_id: AgentId) -> AgentRecord:
        """Return the agent.

        Raises:
            NotFoundError: There is none of this id.
        """
        rows = self.database.rows("SELECT id, record FROM agents WHERE id = ?", (agent_id,))
        if not rows:
            if self.memory.misses(agent_id):
                raise self.database.damaged(f"has lost the live agent {agent_id}")

            raise _unknown(agent_id)

        return self._read(*rows[0])

    def find(
        self,
        *,
        task_id: TaskId | None = None,
        owner: OrchestratorId | None = None,
        parent: AgentId | None = None,
        live: bool | None = None,
    ) -> list[AgentRecord]:
        """Return the agents to which all that is given applies, in the order of their creation.

        Args:
            task_id: Which task they work on.
            owner: Which orchestrator launched them.
            parent: Which agent launched them.
            live: True for those that may still have a process, False for the ended ones.
        """
        wanted = {"task_id": task_id, "owner": owner, "parent": parent}
        given = {column: value for column, value in wanted.items() if value is not None}
        conditions = [f"{column} = ?" for column in given]
        if live is not None:
            # not as a parameter: sqlite chooses the partial index by the text
            conditions.append(f"live = {int(live)}")

        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = self.database.rows(
            f"SELECT id, record FROM agents {where} ORDER BY sequence",  # noqa: S608  our own names
            tuple(given.values()),
        )
        return [self._read(found, text) for found, text in rows]

    def descendants(self, agent_id: AgentId) -> list[AgentRecord]:
        """Return its children, their children and so on, in the order of their creation."""
        rows = self.database.rows(
            "WITH RECURSIVE below (id) AS ("
            " SELECT id FROM agents WHERE parent = ?"
            " UNION SELECT agents.id FROM agents JOIN below ON agents.parent = below.id"
            ") SELECT id, record FROM agents JOIN below USING (id) ORDER BY sequence",
            (agent_id,),
        )
        return [self._read(found, text) for found, text in rows]

    def by_cookie(self, cookie: Cookie) -> AgentRecord | None:
        """Return the agent that was launched with this cookie, if one was."""
        rows = self.database.rows("SELECT id, record FROM agents WHERE cookie = ?", (cookie,))
        return self._read(*rows[0]) if rows else None

    def _read(self, agent_id: AgentId, text: str) -> AgentRecord:
        record = self.memory.known_agent(agent_id, text)
        if record is None:
            record = decode(AgentRecord, text)
            self.memory.keep_read(text, record)

        return record

    def _is_known(self, agent_id: AgentId) -> bool:
        return bool(self.database.rows("SELECT 1 FROM agents WHERE id = ?", (agent_id,)))

    def _above(self, parent: AgentId) -> list[Ancestor]:
        """Return the parent, its parent and so on."""
        rows = self.database.rows(
            "WITH RECURSIVE above (id, level) AS ("
            " SELECT ?, 0"
            " UNION SELECT agents.parent, above.level + 1 FROM above JOIN agents USING (id)"
            ") SELECT id, record, gate FROM above JOIN agents USING (id) ORDER BY level",
            (parent,),
        )
        if not rows:
            raise _unknown(parent)

        return [Ancestor(self._read(found, text), bool(gate)) for found, text, gate in rows]

    def _check(self, record: AgentRecord, limits: Limits) -> None:
        scope, value = "task_id = ?", str(record.task_id)
        if record.task_id is None:
            scope, value = "task_id IS NULL AND owner = ?", record.owner

        # Only what is limited is counted: the count of all grows with the registry.
        if limits.max_concurrent is not None:
            live = self._count(f"{scope} AND live = 1", value)
            if live >= limits.max_concurrent:
                raise LimitReachedError(f"Too many active agents ({live}/{limits.max_concurrent})")

        if limits.max_agents is not None:
            total = self._count(scope, value)
            if total >= limits.max_agents:
                raise LimitReachedError(f"Max agents reached ({total}/{limits.max_agents})")

        check_depth(record, limits.max_depth)

    def _count(self, scope: str, value: str) -> int:
        ((count,),) = self.database.rows(
            f"SELECT count(*) FROM agents WHERE {scope}",  # noqa: S608  our own text
            (value,),
        )
        return count


def _unknown(agent_id: AgentId) -> NotFoundError:
    return NotFoundError(f"Agent {agent_id} not found", agent_id=agent_id)
