"""The resources as a client sees them: the contract of the original."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from mcp.shared.exceptions import MCPError
from mcp_types import TextResourceContents

from orchestrator.errors import NotFoundError

from .clients import sdk_client

if TYPE_CHECKING:
    from .fakes import FakeTasks


async def read(tasks: FakeTasks, uri: str) -> dict[str, Any]:
    async with sdk_client(tasks) as client:
        result = await client.read_resource(uri)

    (contents,) = result.contents
    assert isinstance(contents, TextResourceContents)
    assert contents.mime_type == "text/plain"
    assert str(contents.uri) == uri
    return json.loads(contents.text)


async def test_the_resources_are_those_of_the_original(tasks: FakeTasks) -> None:
    async with sdk_client(tasks) as client:
        resources = (await client.list_resources()).resources
        templates = (await client.list_resource_templates()).resource_templates

    assert [(one.uri, one.name, one.mime_type) for one in resources] == [
        ("tasks://list", "list_real_tasks", "text/plain")
    ]
    assert [(one.uri_template, one.name, one.mime_type) for one in templates] == [
        ("task://{task_id}/status", "get_task_resource", "text/plain"),
        ("task://{task_id}/progress-timeline", "get_task_progress_timeline", "text/plain"),
    ]


@pytest.mark.parametrize(
    ("uri", "method"),
    [
        ("tasks://list", "tasks_list"),
        ("task://TASK-20260101-000000-ABCDEF01/status", "status"),
        ("task://TASK-20260101-000000-ABCDEF01/progress-timeline", "timeline"),
    ],
)
async def test_a_resource_is_json_text(tasks: FakeTasks, uri: str, method: str) -> None:
    assert await read(tasks, uri) == {"success": True, "method": method}
    if method != "tasks_list":
        assert tasks.calls[0].arguments == {"task_id": "TASK-20260101-000000-ABCDEF01"}


async def test_a_resource_of_an_unknown_task_says_so_in_its_body(tasks: FakeTasks) -> None:
    missing = NotFoundError("Task TASK-nope not found in any workspace location")
    tasks.failures = {"status": missing, "timeline": missing}
    assert await read(tasks, "task://TASK-nope/status") == {
        "success": False,
        "error": str(missing),
    }
    assert await read(tasks, "task://TASK-nope/progress-timeline") == {"error": str(missing)}


@pytest.mark.parametrize("uri", ["tasks://else", "task://a/b/status", "task://a/other", "file:///"])
async def test_an_unknown_resource_is_refused(tasks: FakeTasks, uri: str) -> None:
    async with sdk_client(tasks) as client:
        with pytest.raises(MCPError, match="Unknown resource"):
            await client.read_resource(uri)


async def test_a_resource_that_fails_is_an_error_of_that_request_alone(tasks: FakeTasks) -> None:
    tasks.failures["tasks_list"] = RuntimeError("disk on fire")
    async with sdk_client(tasks) as client:
        with pytest.raises(MCPError, match="disk on fire"):
            await client.read_resource("tasks://list")

        assert (await client.read_resource("task://T/status")).contents
