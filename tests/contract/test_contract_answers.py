"""Answers beyond the recorded calls: what is accepted, what is refused, and in which words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from mcp import MCPError

from .clients import SHAPES, Contract, open_client
from .shapes import MOMENT, mismatches, record

if TYPE_CHECKING:
    from tests.support.mcp_server import World

#: What each answer holds beyond the record; a change here is a change that clients see.
MORE: Final[dict[str, set[str]]] = {
    "create_real_task": set(),
    "deploy_headless_agent": {"pid", "depth", "durable"},
    "spawn_child_agent": {"pid", "depth", "durable"},
    "get_real_task_status": set(),
    "get_agent_output": set(),
    "update_agent_progress": set(),
    "report_agent_finding": set(),
    "kill_real_agent": {"exit", "receipt"},
}

UNKNOWN: Final = "TASK-nope"
NOT_FOUND: Final = f"Task {UNKNOWN} not found in any workspace location"
WORDS: Final[dict[str, dict[str, Any]]] = {
    "deploy_headless_agent": {"agent_type": "w", "prompt": "p"},
    "get_real_task_status": {},
    "get_agent_output": {"agent_id": "w-000000-abcdef"},
    "kill_real_agent": {"agent_id": "w-000000-abcdef"},
    "update_agent_progress": {"agent_id": "w-000000-abcdef", "status": "working", "message": "m"},
    "report_agent_finding": {
        "agent_id": "w-000000-abcdef",
        "finding_type": "issue",
        "severity": "low",
        "message": "m",
    },
    "spawn_child_agent": {
        "parent_agent_id": "w-000000-abcdef",
        "child_agent_type": "c",
        "child_prompt": "p",
    },
}


async def answers(server: Contract) -> dict[str, dict[str, Any]]:
    """Call every tool once, with success."""
    created = await server.call("create_real_task", description="d")
    task = created["task_id"]
    deployed = await server.call(
        "deploy_headless_agent", task_id=task, agent_type="w", prompt="[[fake sleep=100 lines=3]]"
    )
    both = {"task_id": task, "agent_id": deployed["agent_id"]}
    found = {"finding_type": "issue", "severity": "low", "message": "m"}
    return {
        "create_real_task": created,
        "deploy_headless_agent": deployed,
        "spawn_child_agent": await server.call(
            "spawn_child_agent",
            task_id=task,
            parent_agent_id=deployed["agent_id"],
            child_agent_type="c",
            child_prompt="[[fake sleep=100]]",
        ),
        "update_agent_progress": await server.progress(**both),
        "report_agent_finding": await server.call("report_agent_finding", **both, **found),
        "get_real_task_status": await server.call("get_real_task_status", task_id=task),
        "get_agent_output": await server.call("get_agent_output", **both),
        "kill_real_agent": await server.call("kill_real_agent", **both),
    }


async def test_every_tool_answers_with_the_recorded_keys_and_these_more(server: Contract) -> None:
    if not SHAPES:
        pytest.skip("the recorded contract is not beside this checkout (../shared/contract)")

    given = await answers(server)
    assert set(given) == set(SHAPES)
    more = {
        tool: set(answer) - {key.removesuffix("?") for key in SHAPES[tool]}
        for tool, answer in given.items()
    }
    assert more == MORE


@pytest.mark.parametrize("tool", WORDS)
async def test_an_unknown_task_is_a_business_error_in_the_recorded_words(
    server: Contract, tool: str
) -> None:
    answer = await server.call(tool, task_id=UNKNOWN, **WORDS[tool])
    assert (answer["success"], answer["error"]) == (False, NOT_FOUND)


@pytest.mark.parametrize("tool", ["get_agent_output", "kill_real_agent"])
async def test_an_unknown_agent_is_a_business_error_in_the_recorded_words(
    server: Contract, tool: str
) -> None:
    task = await server.task()
    answer = await server.call(tool, task_id=task, agent_id="ghost-000000-abcdef")
    assert (answer["success"], answer["error"]) == (False, "Agent ghost-000000-abcdef not found")


@pytest.mark.parametrize("tool", ["create_real_task", *WORDS])
async def test_wrong_arguments_are_mcp_errors_that_name_the_argument(
    server: Contract, tool: str
) -> None:
    fine = {"task_id": "T", "description": "d", **WORDS.get(tool, {})}
    known = {name: value for name, value in fine.items() if tool in WORDS or name == "description"}
    known.pop("description" if tool in WORDS else "task_id", None)
    first = next(iter(known))
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, first),
        ({**known, "colour": "red"}, "colour"),
        ({**known, first: 7}, first),
        ({**known, first: None}, first),
        ({**known, first: ["T"]}, first),
    ]
    for arguments, named in cases:
        text = await server.fail(tool, **arguments)
        head, *lines = text.splitlines()
        assert head.endswith(f"for call[{tool}]")
        assert head.split()[1:3] in (["validation", "error"], ["validation", "errors"])
        assert any(line.startswith(f"{named}:") for line in lines), text


async def test_an_unknown_tool_is_an_mcp_error(server: Contract) -> None:
    assert (await server.fail("make_coffee")).startswith("Unknown tool: ")


async def test_lists_are_taken_as_lists_and_as_json_text(server: Contract) -> None:
    lists = {
        "expected_deliverables": ["a report", " ", "a fix"],
        "success_criteria": ["tests pass"],
        "constraints": ["hands off"],
        "relevant_files": ["a.py", "b.py"],
        "conversation_history": [{"role": "USER", "content": "hello"}],
    }
    plain = await server.call("create_real_task", description="d", **lists)
    texts = {name: json.dumps(value) for name, value in lists.items()}
    as_text = await server.call("create_real_task", description="d", **texts)
    for name in lists:
        if name != "conversation_history":
            assert as_text[name] == plain[name]

    assert plain["expected_deliverables"] == ["a report", "a fix"]
    for answer in (plain, as_text):
        (message,) = answer["conversation_history"]["messages"]
        assert (message["role"], message["content"]) == ("user", "hello")
        assert len(answer["validation_warnings"]) == 1

    text = await server.fail("create_real_task", description="d", constraints="no list at all")
    assert "constraints:" in text


async def test_long_messages_are_cut_as_recorded(server: Contract) -> None:
    history = [{"role": role, "content": "x" * 9_000} for role in ("user", "assistant")]
    answer = await server.call("create_real_task", description="d", conversation_history=history)
    user, other = answer["conversation_history"]["messages"]
    assert user["content"].startswith("x" * 7_900 + " ...")
    assert other["content"].startswith("x" * 150 + " ...")
    assert [message["original_length"] for message in (user, other)] == [9_000, 9_000]
    assert answer["conversation_history"]["truncated_count"] == 2


async def test_a_finding_takes_facts_as_an_object_and_as_json_text(server: Contract) -> None:
    task = await server.task()
    agent = await server.deploy(task, "sleep=100")
    facts = {"file": "a.py", "n": 1, "deep": [{"x": None}]}
    for data in (facts, json.dumps(facts)):
        answer = await server.call(
            "report_agent_finding",
            task_id=task,
            agent_id=agent,
            finding_type="poem",
            severity="purple",
            message="roses",
            data=data,
        )
        assert answer["own_finding"]["data"] == facts
        assert answer["own_finding"]["finding_type"] == "poem"


async def test_numbers_are_taken_as_digits_and_kept_as_they_are(server: Contract) -> None:
    task = await server.task()
    agent = await server.deploy(task, "sleep=100")
    for given, kept in (("30", 30), (250, 250), (-5, -5)):
        answer = await server.progress(task, agent, progress=given)
        assert answer["own_update"]["progress"] == kept

    assert (await server.rows(task))[agent]["progress"] == -5
    assert "progress:" in await server.fail(
        "update_agent_progress",
        task_id=task,
        agent_id=agent,
        status="s",
        message="m",
        progress="half",
    )


async def test_limits_of_agents_are_refused_in_the_recorded_words(world: World) -> None:
    limits = {
        "CLAUDE_ORCHESTRATOR_MAX_CONCURRENT": "2",
        "CLAUDE_ORCHESTRATOR_MAX_AGENTS": "3",
        "CLAUDE_ORCHESTRATOR_MAX_DEPTH": "1",
    }
    async with open_client(world, **limits) as server:
        task = await server.task()
        status = await server.call("get_real_task_status", task_id=task)
        expected = {"max_agents": 3, "max_concurrent": 2, "max_depth": 1}
        assert {name: status["limits"][name] for name in expected} == expected
        agents = [await server.deploy(task, "sleep=100") for _ in range(2)]
        arguments = {"task_id": task, "agent_type": "w", "prompt": "p"}
        answer = await server.call("deploy_headless_agent", **arguments)
        assert answer == {"success": False, "error": "Too many active agents (2/2)"}
        for agent in agents:
            await server.call("kill_real_agent", task_id=task, agent_id=agent)

        await server.deploy(task, "sleep=100")
        answer = await server.call("deploy_headless_agent", **arguments)
        assert answer == {"success": False, "error": "Max agents reached (3/3)"}


# ------------------------------------------------------------------------------------- resources
async def test_resources_and_templates_are_listed_as_recorded(server: Contract) -> None:
    resources = (await server.session.list_resources()).resources
    templates = (await server.session.list_resource_templates()).resource_templates
    assert [(one.uri, one.name, one.mime_type) for one in resources] == [
        ("tasks://list", "list_real_tasks", "text/plain")
    ]
    assert [(one.uri_template, one.name, one.mime_type) for one in templates] == [
        ("task://{task_id}/status", "get_task_resource", "text/plain"),
        ("task://{task_id}/progress-timeline", "get_task_progress_timeline", "text/plain"),
    ]
    assert (await server.session.list_prompts()).prompts == []


async def test_the_timeline_holds_every_report_oldest_first(server: Contract) -> None:
    task = await server.task()
    agent = await server.deploy(task, "sleep=100")
    empty = await server.read(f"task://{task}/progress-timeline")
    assert empty["timeline"] == []
    assert empty["summary"]["timeline_span"] == {"start": None, "end": None}
    await server.progress(task, agent)
    await server.call(
        "report_agent_finding", task_id=task, agent_id=agent, **_finding("the first finding")
    )
    await server.progress(task, agent, "blocked")
    timeline = await server.read(f"task://{task}/progress-timeline")
    recorded = record("tools-seed.json")
    if recorded:
        shape = recorded["resources"][2]["body"]
        assert mismatches(timeline, shape) == []

    kinds = [entry["entry_type"] for entry in timeline["timeline"]]
    assert kinds == ["progress", "finding", "progress"]
    assert timeline["summary"]["agents_active"] == 1
    stamps = [entry["timestamp"] for entry in timeline["timeline"]]
    assert stamps == sorted(stamps)
    assert all(MOMENT.fullmatch(stamp) for stamp in stamps)


async def test_an_unknown_task_or_resource_is_answered_as_recorded(server: Contract) -> None:
    assert await server.read(f"task://{UNKNOWN}/progress-timeline") == {"error": NOT_FOUND}
    assert (await server.read(f"task://{UNKNOWN}/status"))["error"] == NOT_FOUND
    with pytest.raises(MCPError, match="Unknown resource"):
        await server.session.read_resource("task://x/secrets")


async def test_the_list_of_tasks_holds_those_of_other_projects_too(server: Contract) -> None:
    project = server.world.folder / "another"
    project.mkdir(exist_ok=True)
    task = await server.task(client_cwd=str(project), expected_deliverables=["a", "b"])
    listed = await server.read("tasks://list")
    assert listed["tasks"][task]["deliverables_count"] == 2
    assert listed["total_tasks"] == len(listed["tasks"])


def _finding(message: str) -> dict[str, str]:
    return {"finding_type": "issue", "severity": "low", "message": message}
