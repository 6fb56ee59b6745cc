"""What `tools/list` shows, word for word, so that a change is seen."""

# ruff: noqa: E501  the snapshot stands as it is written by inline-snapshot

from __future__ import annotations

from inline_snapshot import snapshot

from orchestrator.frontends.mcp.tools import list_tools


def test_the_schemas_are_these() -> None:
    assert {
        tool.name: tool.model_dump(by_alias=True, exclude_none=True, exclude={"name"})
        for tool in list_tools()
    } == snapshot(
        {
            "create_real_task": {
                "description": "Create a task: a folder for the work of agents, and an id that every other tool asks for. Call it first, then deploy_headless_agent. The more context is given here, the better agents know what is wanted; list items that cannot be used are dropped and named in validation_warnings.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "description": {
                            "description": "What is to be done, in one or a few sentences.",
                            "type": "string",
                        },
                        "priority": {
                            "default": "P2",
                            "description": "P0 (most urgent) to P4; a label only.",
                            "type": "string",
                        },
                        "client_cwd": {
                            "default": None,
                            "description": "Absolute path of the project to work in: agents are started there. Left out: the directory that the server was started in.",
                            "type": "string",
                        },
                        "background_context": {
                            "anyOf": [{"type": "string"}, {"type": "null"}],
                            "default": None,
                            "description": "What agents should know before they begin.",
                        },
                        "expected_deliverables": {
                            "anyOf": [
                                {"items": {"type": "string"}, "type": "array"},
                                {"description": "The same, as JSON text.", "type": "string"},
                                {"type": "null"},
                            ],
                            "default": None,
                            "description": "What has to exist in the end, one item each.",
                        },
                        "success_criteria": {
                            "anyOf": [
                                {"items": {"type": "string"}, "type": "array"},
                                {"description": "The same, as JSON text.", "type": "string"},
                                {"type": "null"},
                            ],
                            "default": None,
                            "description": "How to tell that the work is good, one item each.",
                        },
                        "constraints": {
                            "anyOf": [
                                {"items": {"type": "string"}, "type": "array"},
                                {"description": "The same, as JSON text.", "type": "string"},
                                {"type": "null"},
                            ],
                            "default": None,
                            "description": "What must not be done or changed, one item each.",
                        },
                        "relevant_files": {
                            "anyOf": [
                                {"items": {"type": "string"}, "type": "array"},
                                {"description": "The same, as JSON text.", "type": "string"},
                                {"type": "null"},
                            ],
                            "default": None,
                            "description": "Paths of files worth reading first, one item each.",
                        },
                        "conversation_history": {
                            "anyOf": [
                                {
                                    "items": {
                                        "properties": {
                                            "role": {"type": "string"},
                                            "content": {"type": "string"},
                                            "timestamp": {"type": "string"},
                                        },
                                        "required": ["role", "content"],
                                        "type": "object",
                                    },
                                    "type": "array",
                                },
                                {"description": "The same, as JSON text.", "type": "string"},
                                {"type": "null"},
                            ],
                            "default": None,
                            "description": "The conversation that led to the task, oldest message first. role is user, assistant or orchestrator; long messages are cut.",
                        },
                    },
                    "required": ["description"],
                    "additionalProperties": False,
                },
                "annotations": {
                    "readOnlyHint": False,
                    "destructiveHint": False,
                    "idempotentHint": False,
                    "openWorldHint": False,
                },
            },
            "deploy_headless_agent": {
                "description": "Start an AI coding agent on a task, in the background, and return its agent_id at once. It runs on its own until it is done: watch it with get_real_task_status and get_agent_output, end it with kill_real_agent. Start several for work that can be done side by side; limits for each task apply.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "task_id": {
                            "description": "The task, as create_real_task returned it: TASK-<date>-<time>-<8 hex digits>.",
                            "type": "string",
                        },
                        "agent_type": {
                            "description": "A short name for its role, e.g. investigator, builder, tester.",
                            "type": "string",
                        },
                        "prompt": {
                            "description": "What this agent shall do. It knows nothing else but the task; any length.",
                            "type": "string",
                        },
                        "parent": {
                            "default": "orchestrator",
                            "description": "The agent_id that it belongs under; leave out for one of your own.",
                            "type": "string",
                        },
                        "durable": {
                            "anyOf": [{"type": "boolean"}, {"type": "null"}],
                            "default": None,
                            "description": "true: it goes on when this server ends, in whatever way, and the next server of the workspace takes it over. false: it ends with this server. null: as the server is set.",
                        },
                        "limits": {
                            "anyOf": [
                                {
                                    "properties": {
                                        "wall_clock": {"type": "number"},
                                        "idle": {"type": "number"},
                                        "memory": {
                                            "anyOf": [{"type": "integer"}, {"type": "string"}]
                                        },
                                        "output": {
                                            "anyOf": [{"type": "integer"}, {"type": "string"}]
                                        },
                                        "cost": {"type": "number"},
                                        "max_agents": {"type": "integer"},
                                        "max_concurrent": {"type": "integer"},
                                    },
                                    "type": "object",
                                },
                                {"description": "The same, as JSON text.", "type": "string"},
                                {"type": "null"},
                            ],
                            "default": None,
                            "description": 'What it may use at most; at 80 % there is a warning, at the limit it is stopped. wall_clock and idle in seconds; memory and output in bytes or like "2G"; cost in US dollars, for it and all agents below it; max_agents and max_concurrent count the agents below it.',
                        },
                    },
                    "required": ["task_id", "agent_type", "prompt"],
                    "additionalProperties": False,
                },
                "annotations": {
                    "readOnlyHint": False,
                    "destructiveHint": False,
                    "idempotentHint": False,
                    "openWorldHint": True,
                },
            },
            "get_real_task_status": {
                "description": "Tell how a task stands: every agent with its state and progress, who started whom, the newest reports of progress and findings, and the limits.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "task_id": {
                            "description": "The task, as create_real_task returned it: TASK-<date>-<time>-<8 hex digits>.",
                            "type": "string",
                        }
                    },
                    "required": ["task_id"],
                    "additionalProperties": False,
                },
                "annotations": {"readOnlyHint": True, "openWorldHint": False},
            },
            "get_agent_output": {
                "description": "Read what an agent printed: the event stream of its CLI, one JSON object a line, while it runs and after its end. It can be long: use tail and response_format 'compact', or 'summary' for a digest.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "task_id": {
                            "description": "The task, as create_real_task returned it: TASK-<date>-<time>-<8 hex digits>.",
                            "type": "string",
                        },
                        "agent_id": {
                            "description": "The agent, as the call that started it returned it.",
                            "type": "string",
                        },
                        "tail": {
                            "anyOf": [{"type": "integer"}, {"type": "null"}],
                            "default": None,
                            "description": "Only the last so many lines; null, 0 or less: all.",
                        },
                        "filter": {
                            "anyOf": [{"type": "string"}, {"type": "null"}],
                            "default": None,
                            "description": "Only lines in which this Python regular expression is found.",
                        },
                        "format": {
                            "default": "text",
                            "description": "text and jsonl: the lines as one string; parsed: a list of objects.",
                            "type": "string",
                        },
                        "include_metadata": {
                            "default": False,
                            "description": "Add counts, sizes and times about the log.",
                            "type": "boolean",
                        },
                        "max_bytes": {
                            "anyOf": [{"type": "integer"}, {"type": "null"}],
                            "default": None,
                            "description": "About how many characters to return: the first, the last and the telling lines stay, others are sampled. null, 0 or less: no limit.",
                        },
                        "aggressive_truncate": {
                            "default": False,
                            "description": "Cut lines at 1,024 characters, not at 8,192.",
                            "type": "boolean",
                        },
                        "response_format": {
                            "default": "full",
                            "description": "full, compact (short lines), or summary (a digest).",
                            "type": "string",
                        },
                    },
                    "required": ["task_id", "agent_id"],
                    "additionalProperties": False,
                },
                "annotations": {"readOnlyHint": True, "openWorldHint": False},
            },
            "kill_real_agent": {
                "description": "Stop an agent together with every process that it started. It is asked first and killed after a grace. Its output stays readable. Stopping one that has ended is no error.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "task_id": {
                            "description": "The task, as create_real_task returned it: TASK-<date>-<time>-<8 hex digits>.",
                            "type": "string",
                        },
                        "agent_id": {
                            "description": "The agent, as the call that started it returned it.",
                            "type": "string",
                        },
                        "reason": {
                            "default": "Manual termination",
                            "description": "Why, for the record.",
                            "type": "string",
                        },
                        "family": {
                            "default": False,
                            "description": "Stop every agent below it too; nothing new starts among them.",
                            "type": "boolean",
                        },
                    },
                    "required": ["task_id", "agent_id"],
                    "additionalProperties": False,
                },
                "annotations": {
                    "readOnlyHint": False,
                    "destructiveHint": True,
                    "idempotentHint": True,
                    "openWorldHint": False,
                },
            },
            "update_agent_progress": {
                "description": "For agents: report how far you are. Call it when you begin, at every step worth knowing, and at the end with status completed. The answer tells how many agents are at work and what the others found.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "task_id": {
                            "description": "The task, as create_real_task returned it: TASK-<date>-<time>-<8 hex digits>.",
                            "type": "string",
                        },
                        "agent_id": {
                            "description": "The id of the agent that reports: your own, as your prompt gives it.",
                            "type": "string",
                        },
                        "status": {
                            "description": "working, blocked, completed or error.",
                            "type": "string",
                        },
                        "message": {
                            "description": "What you are doing, or have done, in a sentence or two.",
                            "type": "string",
                        },
                        "progress": {
                            "default": 0,
                            "description": "Percent done, 0 to 100.",
                            "type": "integer",
                        },
                    },
                    "required": ["task_id", "agent_id", "status", "message"],
                    "additionalProperties": False,
                },
                "annotations": {
                    "readOnlyHint": False,
                    "destructiveHint": False,
                    "idempotentHint": False,
                    "openWorldHint": False,
                },
            },
            "report_agent_finding": {
                "description": "For agents: share something that others should know, as soon as you know it. Other agents of the task and its owner see it at once.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "task_id": {
                            "description": "The task, as create_real_task returned it: TASK-<date>-<time>-<8 hex digits>.",
                            "type": "string",
                        },
                        "agent_id": {
                            "description": "The id of the agent that reports: your own, as your prompt gives it.",
                            "type": "string",
                        },
                        "finding_type": {
                            "description": "issue, solution, insight or recommendation.",
                            "type": "string",
                        },
                        "severity": {
                            "description": "low, medium, high or critical.",
                            "type": "string",
                        },
                        "message": {"description": "The finding itself.", "type": "string"},
                        "data": {
                            "anyOf": [
                                {"additionalProperties": True, "type": "object"},
                                {"description": "The same, as JSON text.", "type": "string"},
                            ],
                            "default": None,
                            "description": 'Evidence for machines, e.g. {"file": "a.py", "line": 3}.',
                        },
                    },
                    "required": ["task_id", "agent_id", "finding_type", "severity", "message"],
                    "additionalProperties": False,
                },
                "annotations": {
                    "readOnlyHint": False,
                    "destructiveHint": False,
                    "idempotentHint": False,
                    "openWorldHint": False,
                },
            },
            "spawn_child_agent": {
                "description": "For agents: start another agent under yourself for a part of your work. It runs on when you end; you may watch and stop it.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "task_id": {
                            "description": "The task, as create_real_task returned it: TASK-<date>-<time>-<8 hex digits>.",
                            "type": "string",
                        },
                        "parent_agent_id": {
                            "description": "The agent that it belongs under: your own id.",
                            "type": "string",
                        },
                        "child_agent_type": {
                            "description": "A short name for the child's role.",
                            "type": "string",
                        },
                        "child_prompt": {
                            "description": "What the child shall do; it knows nothing else.",
                            "type": "string",
                        },
                        "durable": {
                            "anyOf": [{"type": "boolean"}, {"type": "null"}],
                            "default": None,
                            "description": "true: it goes on when this server ends, in whatever way, and the next server of the workspace takes it over. false: it ends with this server. null: as the server is set.",
                        },
                        "limits": {
                            "anyOf": [
                                {
                                    "properties": {
                                        "wall_clock": {"type": "number"},
                                        "idle": {"type": "number"},
                                        "memory": {
                                            "anyOf": [{"type": "integer"}, {"type": "string"}]
                                        },
                                        "output": {
                                            "anyOf": [{"type": "integer"}, {"type": "string"}]
                                        },
                                        "cost": {"type": "number"},
                                        "max_agents": {"type": "integer"},
                                        "max_concurrent": {"type": "integer"},
                                    },
                                    "type": "object",
                                },
                                {"description": "The same, as JSON text.", "type": "string"},
                                {"type": "null"},
                            ],
                            "default": None,
                            "description": 'What it may use at most; at 80 % there is a warning, at the limit it is stopped. wall_clock and idle in seconds; memory and output in bytes or like "2G"; cost in US dollars, for it and all agents below it; max_agents and max_concurrent count the agents below it.',
                        },
                    },
                    "required": ["task_id", "parent_agent_id", "child_agent_type", "child_prompt"],
                    "additionalProperties": False,
                },
                "annotations": {
                    "readOnlyHint": False,
                    "destructiveHint": False,
                    "idempotentHint": False,
                    "openWorldHint": True,
                },
            },
            "freeze_agent": {
                "description": "Let an agent and every process that it started stand still, to look at its work or to free the processor. It goes on with thaw_agent; kill_real_agent stops it as ever.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "task_id": {
                            "description": "The task, as create_real_task returned it: TASK-<date>-<time>-<8 hex digits>.",
                            "type": "string",
                        },
                        "agent_id": {
                            "description": "The agent, as the call that started it returned it.",
                            "type": "string",
                        },
                    },
                    "required": ["task_id", "agent_id"],
                    "additionalProperties": False,
                },
                "annotations": {
                    "readOnlyHint": False,
                    "destructiveHint": False,
                    "idempotentHint": True,
                    "openWorldHint": False,
                },
            },
            "thaw_agent": {
                "description": "Let a frozen agent go on where it stood still.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "task_id": {
                            "description": "The task, as create_real_task returned it: TASK-<date>-<time>-<8 hex digits>.",
                            "type": "string",
                        },
                        "agent_id": {
                            "description": "The agent, as the call that started it returned it.",
                            "type": "string",
                        },
                    },
                    "required": ["task_id", "agent_id"],
                    "additionalProperties": False,
                },
                "annotations": {
                    "readOnlyHint": False,
                    "destructiveHint": False,
                    "idempotentHint": True,
                    "openWorldHint": False,
                },
            },
        }
    )
