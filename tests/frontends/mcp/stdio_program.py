"""The server as a program over tasks in memory; habits of the house are named as arguments."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import anyio

from orchestrator.errors import RegistryError
from orchestrator.frontends.mcp import server, stdio
from orchestrator.model import AgentId

from .fakes import FakeTasks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from orchestrator.config import Settings
    from orchestrator.frontends.mcp.ports import App

HABITS = set(sys.argv[2:])


def say(what: str) -> None:
    """Tell the test what happens."""
    os.write(2, f"[{what}]\n".encode())


class Tasks(FakeTasks):
    """Tasks with the habits asked for."""

    async def status(self, **arguments: object) -> dict[str, object]:
        if "chatty" in HABITS:
            sys.stdout.write("a stray print\n")
            sys.stdout.flush()
            os.write(1, b"a stray write\n")

        if "big" in HABITS:
            say(f"call {len(self.calls)}")
            self.answers["status"] = {"success": True, "much": "x" * 1_000_000}

        return await super().status(**arguments)

    async def kill(self, caller: object, **arguments: object) -> dict[str, object]:
        del caller, arguments
        say("a slow call")
        await anyio.sleep_forever()
        raise AssertionError


class FakeApp:
    """A house without agents."""

    def __init__(self) -> None:
        self.tasks = Tasks()

    def agent_for_cookie(self, cookie: str) -> AgentId | None:
        return AgentId("builder-1") if cookie == "good" else None

    def begin_shutdown(self, reason: str) -> None:
        say(f"shutdown: {reason}")


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncGenerator[App]:
    say("opening")
    if "unusable" in HABITS:
        raise RegistryError(f"{settings.workspace} is upside down; turn it round")

    if "broken" in HABITS:
        raise RuntimeError("a bug")

    if "slow-open" in HABITS:
        await anyio.sleep_forever()

    if "stuck-thread" in HABITS:
        threading.Thread(target=os.read, args=(os.pipe()[0], 1)).start()

    if "loud" in HABITS:
        for _ in range(20_000):
            logging.getLogger("house").info("%s", "l" * 100)

    try:
        say("open")
        yield FakeApp()
    finally:
        with anyio.CancelScope(shield=True):
            if "slow-close" in HABITS:
                say("closing")
                await anyio.sleep(0.5)

        say("closed")


def main() -> int:
    if "patient" in HABITS:
        # Whoever tests what is answered at the end does not test how long that takes here.
        patch.multiple(stdio, GRACE=60.0, REST=60.0).start()
        patch.object(server, "FLUSH", 60.0).start()

    if "slow-leave" in HABITS:
        leave = stdio._leave  # pyright: ignore[reportPrivateUsage]

        def leave_slowly(status: int) -> int:
            say("leaving")
            os.read(0, 1)  # until the test ends the input
            return leave(status)

        patch.object(stdio, "_leave", leave_slowly).start()

    agent_socket = None if sys.argv[1] == "-" else Path(sys.argv[1])
    return stdio.main(open_app, agent_socket=agent_socket)


if __name__ == "__main__":
    sys.exit(main())
