"""The tools as a client sees them: the contract of the original, call by call."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from mcp_types import CallToolResult, TextContent

from orchestrator.errors import InvalidInputError, LimitReachedError
from orchestrator.frontends.mcp.tools import list_tools
from orchestrator.model import AgentId, Limits
from orchestrator.tasks.caller import Caller

from .clients import sdk_client
from .original import ADDED_PARAMETERS, ADDED_TOOLS, ORIGINAL_TOOLS, REQUIRED, Parameter

if TYPE_CHECKING:
    from .fakes import FakeTasks


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def accepts(schema: dict[str, Any], original_type: str) -> bool:
    """Whether a schema takes what the original took, whatever else it takes."""
    options = schema.get("anyOf", [schema])
    for one in original_type.split("|"):
        name, _, items = one.partition("<")
        fitting = [option for option in options if option["type"] == name]
        if not fitting:
            return False

        if items and fitting[0]["items"]["type"] != items.rstrip(">"):
            return False

    return True


@pytest.mark.parametrize("name", ORIGINAL_TOOLS)
def test_a_tool_has_the_parameters_types_and_defaults_of_the_original(name: str) -> None:
    schema = next(tool.input_schema for tool in list_tools() if tool.name == name)
    added = ADDED_PARAMETERS.get(name, ())
    assert list(schema["properties"]) == [*(one.name for one in ORIGINAL_TOOLS[name]), *added]
    assert not set(added) & set(schema["required"])
    for parameter in ORIGINAL_TOOLS[name]:
        shown = schema["properties"][parameter.name]
        assert accepts(shown, parameter.type), parameter
        assert shown.get("default", REQUIRED) == parameter.default
        assert (parameter.name in schema["required"]) == (parameter.default == REQUIRED)
        assert shown["description"]

    assert schema["additionalProperties"] is False


def test_the_check_against_the_original_can_fail() -> None:
    assert accepts({"type": "string"}, "string")
    assert not accepts({"type": "string"}, "integer")
    assert not accepts({"anyOf": [{"type": "string"}]}, "string|null")
    strings = {"anyOf": [{"type": "array", "items": {"type": "string"}}]}
    assert accepts(strings, "array<string>")
    assert not accepts(strings, "array<object>")
    assert Parameter("a", "string").default == REQUIRED


def test_the_tools_are_those_of_the_original_and_the_named_additions() -> None:
    assert [tool.name for tool in list_tools()] == [*ORIGINAL_TOOLS, *ADDED_TOOLS]


async def test_the_server_introduces_itself_as_the_original_did(tasks: FakeTasks) -> None:
    async with sdk_client(tasks) as client:
        assert client.server_info is not None
        assert client.server_info.name == "Claude Orchestrator"
        assert re.match(r"\d+\.\d+", client.server_info.version)
        assert (await client.list_prompts()).prompts == []
        assert len((await client.list_tools()).tools) == 8 + len(ADDED_TOOLS)


async def test_a_result_is_structured_and_the_same_as_text(tasks: FakeTasks) -> None:
    body: dict[str, object] = {"success": True, "n": [1, {"ü": None}]}
    tasks.answers["status"] = body
    async with sdk_client(tasks) as client:
        result = await client.call_tool("get_real_task_status", {"task_id": "TASK-1"})

    assert result.is_error is False
    assert result.structured_content == body
    assert json.loads(text_of(result)) == body


async def test_a_text_that_utf8_cannot_hold_is_replaced_in_both_forms(tasks: FakeTasks) -> None:
    tasks.answers["status"] = {"success": True, "name": "caf\udce9"}
    async with sdk_client(tasks) as client:
        result = await client.call_tool("get_real_task_status", {"task_id": "TASK-1"})

    assert result.structured_content == {"success": True, "name": "caf?"}
    assert json.loads(text_of(result)) == result.structured_content


async def test_an_error_of_the_domain_is_a_normal_answer_with_its_details(
    tasks: FakeTasks,
) -> None:
    tasks.failures["output"] = InvalidInputError(
        "Invalid regex pattern: x", error_type="invalid_regex", agent_id="a-1"
    )
    tasks.failures["deploy"] = LimitReachedError("Too many active agents (20/20)")
    async with sdk_client(tasks) as client:
        output = await client.call_tool(
            "get_agent_output", {"task_id": "TASK-1", "agent_id": "a-1", "filter": "["}
        )
        deploy = await client.call_tool(
            "deploy_headless_agent", {"task_id": "TASK-1", "agent_type": "x", "prompt": ""}
        )

    assert output.is_error is False
    assert output.structured_content == {
        "success": False,
        "error": "Invalid regex pattern: x",
        "error_type": "invalid_regex",
        "agent_id": "a-1",
    }
    assert deploy.structured_content == {
        "success": False,
        "error": "Too many active agents (20/20)",
    }


async def test_an_unexpected_error_is_one_line_for_the_client_and_a_traceback_in_the_log(
    tasks: FakeTasks, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.failures["status"] = RuntimeError("first line\n  second line")
    async with sdk_client(tasks) as client:
        result = await client.call_tool("get_real_task_status", {"task_id": "TASK-1"})

    assert result.is_error is True
    assert result.structured_content is None
    assert text_of(result) == ("Error calling tool 'get_real_task_status': first line second line")
    assert "Traceback" in caplog.text


async def test_an_answer_that_is_no_json_is_an_error_of_that_call_alone(tasks: FakeTasks) -> None:
    tasks.answers["status"] = {"success": True, "what": {1.5: object()}}
    async with sdk_client(tasks) as client:
        await client.call_tool("get_real_task_status", {"task_id": "TASK-1"})
        result = await client.call_tool("kill_real_agent", {"task_id": "T", "agent_id": "a"})

    assert result.is_error is False


@pytest.mark.parametrize(
    ("tool", "arguments", "complaints"),
    [
        ("create_real_task", {}, ["description: required, but missing"]),
        (
            "create_real_task",
            {"description": 5, "priority": None},
            [
                "description: Input should be a valid string (got int: 5)",
                "priority: Input should be a valid string (got NoneType: None)",
            ],
        ),
        (
            "get_real_task_status",
            {"task_id": "T", "colour": "red"},
            ["colour: unknown argument; known are task_id"],
        ),
        (
            "create_real_task",
            {"description": "d", "constraints": "no list"},
            [
                (
                    "constraints: is a text, but not the JSON text of what is asked for "
                    "(got str: 'no list')"
                )
            ],
        ),
        (
            "create_real_task",
            {"description": "d", "constraints": '{"a": 1}'},
            ["constraints: Input should be a valid list (got dict: {'a': 1})"],
        ),
        (
            "create_real_task",
            {"description": "d", "constraints": ["good", 3]},
            ["constraints.1: Input should be a valid string (got int: 3)"],
        ),
        (
            "get_agent_output",
            {"task_id": "T", "agent_id": "a", "tail": "3.5"},
            ["tail: Input should be a valid integer (got str: '3.5')"],
        ),
        (
            "get_agent_output",
            {"task_id": "T", "agent_id": "a", "include_metadata": "true"},
            ["include_metadata: Input should be a valid boolean (got str: 'true')"],
        ),
        (
            "update_agent_progress",
            {"task_id": "T", "agent_id": "a", "status": "s", "message": "m", "progress": 2**63},
            ["progress: must fit into 64 bits (got int: 9223372036854775808)"],
        ),
        (
            "update_agent_progress",
            {"task_id": "T", "agent_id": "a", "status": "s", "message": "m", "progress": True},
            ["progress: Input should be a valid integer (got bool: True)"],
        ),
    ],
)
async def test_wrong_arguments_are_refused_one_by_one(
    tasks: FakeTasks, tool: str, arguments: dict[str, Any], complaints: list[str]
) -> None:
    async with sdk_client(tasks) as client:
        result = await client.call_tool(tool, arguments)

    plural = "s" if len(complaints) > 1 else ""
    first, *rest = text_of(result).split("\n")
    assert result.is_error is True
    assert result.structured_content is None
    assert first == f"{len(complaints)} validation error{plural} for call[{tool}]"
    assert rest == complaints
    assert tasks.calls == []


async def test_a_thousand_wrong_items_make_a_short_complaint(tasks: FakeTasks) -> None:
    wrong = {"description": "d", "relevant_files": list(range(1_000))}
    async with sdk_client(tasks) as client:
        text = text_of(await client.call_tool("create_real_task", wrong))

    assert text.startswith("1000 validation errors for call[create_real_task]\n")
    assert text.endswith("\n... and 980 more")


async def test_an_unknown_tool_is_an_error_of_the_call(tasks: FakeTasks) -> None:
    async with sdk_client(tasks) as client:
        result = await client.call_tool("launch_rocket", {})

    assert result.is_error is True
    assert text_of(result) == "Unknown tool: 'launch_rocket'"


def as_it_is(value: object) -> object:
    return value


async def test_lists_and_objects_come_as_they_are_or_as_json_text(tasks: FakeTasks) -> None:
    history = [{"role": "user", "content": "hi"}]
    async with sdk_client(tasks) as client:
        for form in (as_it_is, json.dumps):
            await client.call_tool(
                "create_real_task",
                {
                    "description": "d",
                    "expected_deliverables": form(["a", "b"]),
                    "success_criteria": form([]),
                    "constraints": form(None),
                    "conversation_history": form(history),
                },
            )
            await client.call_tool(
                "report_agent_finding",
                {
                    "task_id": "T",
                    "agent_id": "a",
                    "finding_type": "issue",
                    "severity": "low",
                    "message": "m",
                    "data": form({"file": "a.py"}),
                },
            )

    created, found = tasks.calls[0], tasks.calls[1]
    assert tasks.calls[2:] == [created, found]
    assert created.arguments == {
        "description": "d",
        "priority": "P2",
        "client_cwd": None,
        "background_context": None,
        "expected_deliverables": ["a", "b"],
        "success_criteria": [],
        "constraints": None,
        "relevant_files": None,
        "conversation_history": history,
    }
    assert found.arguments["data"] == {"file": "a.py"}


async def test_integers_come_as_numbers_or_as_digits(tasks: FakeTasks) -> None:
    async with sdk_client(tasks) as client:
        for tail in (30, "30", "-5", None):
            await client.call_tool(
                "get_agent_output", {"task_id": "T", "agent_id": "a", "tail": tail}
            )

    assert [call.arguments["tail"] for call in tasks.calls] == [30, 30, -5, None]


async def test_a_text_of_digits_stays_a_text_where_a_text_is_asked_for(tasks: FakeTasks) -> None:
    async with sdk_client(tasks) as client:
        await client.call_tool("create_real_task", {"description": "30", "client_cwd": None})

    assert tasks.calls[0].arguments["description"] == "30"


async def test_tools_act_in_the_name_of_the_caller(tasks: FakeTasks) -> None:
    caller = Caller(agent_id=AgentId("builder-1"))
    deploy = {"task_id": "T", "agent_type": "x", "prompt": "p"}
    spawn = {
        "task_id": "T",
        "parent_agent_id": "builder-1",
        "child_agent_type": "x",
        "child_prompt": "p",
    }
    async with sdk_client(tasks, caller) as client:
        await client.call_tool("deploy_headless_agent", deploy)
        await client.call_tool("kill_real_agent", {"task_id": "T", "agent_id": "a"})
        await client.call_tool("spawn_child_agent", spawn)

    assert [call.caller for call in tasks.calls] == [caller] * 3
    as_set = {"durable": None, "limits": None}
    assert tasks.calls[0].arguments == {**deploy, "parent": "orchestrator", **as_set}
    assert tasks.calls[1].arguments["reason"] == "Manual termination"
    assert tasks.calls[2].arguments == {**spawn, **as_set}


async def test_limits_are_taken_as_an_object_or_its_text_with_sizes_in_words(
    tasks: FakeTasks,
) -> None:
    deploy = {"task_id": "T", "agent_type": "x", "prompt": "p"}
    async with sdk_client(tasks) as client:
        for given in ({"memory": "2G", "idle": 60}, '{"memory": 2147483648, "idle": 60.0}'):
            await client.call_tool("deploy_headless_agent", {**deploy, "limits": given})

        wrong = await client.call_tool(
            "deploy_headless_agent", {**deploy, "limits": {"memory": "much"}}
        )

    assert [call.arguments["limits"] for call in tasks.calls] == [
        Limits(memory=2 * 2**30, idle=60)
    ] * 2
    assert wrong.is_error
    assert "500M or 2G" in text_of(wrong)


async def test_a_prompt_of_ten_megabytes_goes_through(tasks: FakeTasks) -> None:
    prompt = "p" * 10_000_000
    async with sdk_client(tasks) as client:
        await client.call_tool(
            "deploy_headless_agent", {"task_id": "T", "agent_type": "x", "prompt": prompt}
        )

    assert tasks.calls[0].arguments["prompt"] == prompt
