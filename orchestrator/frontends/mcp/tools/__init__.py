"""The tools: the original's eight, and those that came after."""

from __future__ import annotations

from typing import Final

from mcp_types import Tool

from orchestrator.frontends.mcp.arguments import schema_of

from .agents import Deploy, Freeze, Kill, SpawnChild, Thaw
from .base import ToolCall
from .reports import ReportFinding, UpdateProgress
from .tasks import CreateTask, Output, Status

__all__ = ["TOOLS", "ToolCall", "list_tools"]

TOOLS: Final[tuple[type[ToolCall], ...]] = (
    CreateTask,
    Deploy,
    Status,
    Output,
    Kill,
    UpdateProgress,
    ReportFinding,
    SpawnChild,
    Freeze,
    Thaw,
)


def list_tools() -> list[Tool]:
    """Describe the tools as `tools/list` shows them."""
    return [
        Tool(
            name=call.tool,
            description=call.about,
            input_schema=schema_of(call),
            annotations=call.hints,
        )
        for call in TOOLS
    ]
