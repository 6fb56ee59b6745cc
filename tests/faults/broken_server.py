"""The real server with one fault wired in; ``status`` of a task sets it off.

``broken_server.py FAULT``: ``tool`` (an exception in a tool), ``root`` (one in a root task),
``exit`` (``os._exit``), or ``segfault``.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio

from orchestrator.app import App, open_app
from orchestrator.frontends.mcp import stdio
from orchestrator.supervision import Surroundings, open_surroundings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from orchestrator.config import Settings
    from orchestrator.tasks import TaskService

EXIT_STATUS = 70


class BrokenTasks:
    """Passes everything on but `status`."""

    def __init__(self, inner: TaskService, fault: str, broken: anyio.Event) -> None:
        self._inner = inner
        self._fault = fault
        self._broken = broken

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def status(self, *, task_id: str) -> dict[str, object]:
        match self._fault:
            case "tool":
                raise RuntimeError(f"a bug, met with {task_id}")
            case "root":
                self._broken.set()
            case "exit":
                os._exit(EXIT_STATUS)
            case _:
                ctypes.string_at(0)

        return {"success": True}


async def break_when(broken: anyio.Event) -> None:
    """Be the root task that fails."""
    await broken.wait()
    raise RuntimeError("a bug in a root task")


@asynccontextmanager
async def open_broken(
    settings: Settings, *, fault: str, surroundings: Surroundings
) -> AsyncGenerator[App]:
    """Open the house with the fault in it."""
    broken = anyio.Event()
    async with (
        open_app(settings, surroundings=surroundings) as app,
        anyio.create_task_group() as group,
    ):
        group.start_soon(break_when, broken)
        app.tasks = BrokenTasks(app.tasks, fault, broken)  # pyright: ignore[reportAttributeAccessIssue]
        yield app
        group.cancel_scope.cancel()


def main() -> int:
    """Serve as the real program does."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open_surroundings() as surroundings:
        return stdio.main(
            partial(open_broken, fault=sys.argv[1], surroundings=surroundings),
            agent_socket=surroundings.socket,
        )


if __name__ == "__main__":
    sys.exit(main())
