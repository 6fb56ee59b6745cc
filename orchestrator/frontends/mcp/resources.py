"""The resources: one list of all tasks, and two views of each."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from orchestrator.errors import OrchestratorError

from .calls import SHOWN_MAX, answer, one_line, shorten, to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .ports import TaskTools

logger = logging.getLogger(__name__)

MIME: Final = "text/plain"
LIST_URI: Final = "tasks://list"

RESOURCES: Final = (
    Resource(
        uri=LIST_URI,
        name="list_real_tasks",
        description="Every task of the workspace, as JSON.",
        mime_type=MIME,
    ),
)

TEMPLATES: Final = (
    ResourceTemplate(
        uri_template="task://{task_id}/status",
        name="get_task_resource",
        description="How a task stands, as JSON: what get_real_task_status answers.",
        mime_type=MIME,
    ),
    ResourceTemplate(
        uri_template="task://{task_id}/progress-timeline",
        name="get_task_progress_timeline",
        description="Progress and findings of a task's agents, oldest first, as JSON.",
        mime_type=MIME,
    ),
)

_TASK_URI = re.compile(r"task://([^/?#]+)/(status|progress-timeline)")


async def read_resource(uri: str, tasks: TaskTools) -> ReadResourceResult:
    """Read one resource.

    Raises:
        MCPError: There is no such resource, or reading it failed unexpectedly.
    """
    try:
        body = await _body(uri, tasks)
    except MCPError:
        raise
    except Exception as error:
        logger.exception("Reading the resource %s failed", shorten(uri, SHOWN_MAX))
        raise MCPError(
            INTERNAL_ERROR, f"Error reading resource '{uri}': {one_line(error)}"
        ) from error

    contents = TextResourceContents(uri=uri, mime_type=MIME, text=to_text(body, indented=True))
    return ReadResourceResult(contents=[contents])


async def _body(uri: str, tasks: TaskTools) -> Mapping[str, object]:
    if uri == LIST_URI:
        return await answer(tasks.tasks_list())

    match = _TASK_URI.fullmatch(uri)
    if match is None:
        raise MCPError(INVALID_PARAMS, f"Unknown resource: {shorten(uri, SHOWN_MAX)}")

    task_id = unquote(match[1])
    if match[2] == "status":
        return await answer(tasks.status(task_id=task_id))

    try:
        return await tasks.timeline(task_id=task_id)
    except OrchestratorError as error:
        # The original's body for this one has no "success".
        return {"error": str(error)}
