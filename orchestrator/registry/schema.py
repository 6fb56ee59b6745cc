"""The tables of the registry, and the marks by which its file is known."""

from __future__ import annotations

from typing import Final

#: ``PRAGMA application_id``: "Orcr" in ASCII.
APPLICATION_ID: Final = 0x4F726372

#: ``PRAGMA user_version``; a change of the tables below raises it, and adds a step to `migration`.
VERSION: Final = 2

#: Records are stored whole, as their JSON; a column beside it is there to be searched by.
#: No index holds the state of an agent, which changes often; `live` changes once in its life.
#: `gate` is 1 when nothing may be launched below the agent any more.
TABLES: Final = """
CREATE TABLE orchestrators (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    open INTEGER NOT NULL,
    record TEXT NOT NULL
);

CREATE TABLE tasks (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL
);

CREATE TABLE agents (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    task_id TEXT,
    parent TEXT,
    cookie TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    live INTEGER NOT NULL,
    record TEXT NOT NULL,
    gate INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX agents_of_owner ON agents (owner, task_id, live);
CREATE INDEX agents_of_task ON agents (task_id, live);
CREATE INDEX agents_of_parent ON agents (parent);
CREATE INDEX agents_live ON agents (sequence) WHERE live = 1;

CREATE TABLE progress (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX progress_of_task ON progress (task_id);
CREATE INDEX progress_of_agent ON progress (task_id, agent_id);

CREATE TABLE latest_progress (
    task_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    sequence INTEGER NOT NULL REFERENCES progress,
    PRIMARY KEY (task_id, agent_id)
) WITHOUT ROWID;

CREATE TABLE findings (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX findings_of_task ON findings (task_id);
CREATE INDEX findings_of_agent ON findings (task_id, agent_id);
"""
