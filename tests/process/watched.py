"""An agent whose limits are watched, and nothing else around it; see ``limit_watcher.py``."""

from __future__ import annotations

import json
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.support.evidence import ask_until

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.abc import Process

    from orchestrator.process.wire import LimitsMessage
    from tests.support.liveness import Liveness

ROOT: Final = Path(__file__).resolve().parents[2]

#: Seconds after which it is given up.
LIMIT: Final = 30.0


def limits(
    *,
    wall_clock: float | None = None,
    idle: float | None = None,
    memory: int | None = None,
    output: int | None = None,
) -> LimitsMessage:
    """None but those that are named."""
    return {"wall_clock": wall_clock, "idle": idle, "memory": memory, "output": output}


class Watched:
    """One agent; made by `watched`.

    Attributes:
        news: What was news of its limits so far.
    """

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._commands = process.stdin
        self._lines = BufferedByteReceiveStream(process.stdout)
        self.news: list[dict[str, Any]] = []

    async def next_news(self) -> dict[str, Any]:
        """Wait for what is news next."""
        while "level" not in (line := await self._hear()):
            continue

        return line

    async def excess(self) -> dict[str, Any]:
        """Wait for an excess."""
        while (line := await self.next_news())["level"] != "exceeded":
            continue

        return line

    async def ask(self, command: str) -> float | None:
        """Give a command; returns for how long there is nothing to do after it."""
        return (await self._order(command))["timeout"]

    async def wait_looks(self, number: int) -> None:
        """Wait until so many more looks at its limits were due, and taken."""
        before = (await self._order("look"))["looks"]

        async def enough() -> bool:
            return (await self._order("look"))["looks"] >= before + number

        await ask_until(enough, f"{number} looks at its limits")

    def warned(self) -> list[str]:
        """The limits that were warned of."""
        return [news["limit"] for news in self.news if news["level"] == "warning"]

    async def _order(self, command: str) -> dict[str, Any]:
        await self._commands.send(f"{command}\n".encode())
        while "timeout" not in (line := await self._hear()):
            continue

        return line

    async def _hear(self) -> dict[str, Any]:
        line = json.loads(await self._lines.receive_until(b"\n", 10_000))
        if "level" in line:
            self.news.append(line)

        return line


@asynccontextmanager
async def watched(
    folder: Path, liveness: Liveness, limits: LimitsMessage, *command: str
) -> AsyncGenerator[Watched]:
    """Watch an agent for the length of the block; everyone is gone after it."""
    program = (sys.executable, "-m", "tests.process.limit_watcher")
    with anyio.fail_after(LIMIT):
        async with await anyio.open_process(
            [*program, str(folder), json.dumps(limits), *command],
            stderr=None,
            cwd=ROOT,
            env={**os.environ, **liveness.env},
        ) as process:
            try:
                yield Watched(process)
            finally:
                assert process.stdin is not None
                await process.stdin.aclose()
                with anyio.CancelScope(shield=True):
                    await process.wait()

        await liveness.wait_gone()
