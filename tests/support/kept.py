"""An agent under a small keeper, with a control group or without; see ``small_keeper.py``."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

from orchestrator.process import tree

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.abc import Process

_ROOT: Final = Path(__file__).resolve().parents[2]
_LINE_MAX: Final = 1_000_000


class Kept:
    """One agent and its small keeper; made by `open_kept`.

    Attributes:
        leader: The agent's pid.
        group: The folder of its control group, if it has one.
    """

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._commands = process.stdin
        self._answers = BufferedByteReceiveStream(process.stdout)
        self.leader = 0
        self.group: str | None = None

    async def meet(self) -> None:
        """Wait until the agent was started."""
        hello = await self._hear()
        self.leader, self.group = hello["leader"], hello["group"]

    async def ask(self, command: str) -> dict[str, Any]:
        """Give a command and return the answer."""
        await self._commands.send(f"{command}\n".encode())
        return await self._hear()

    async def _hear(self) -> dict[str, Any]:
        return json.loads(await self._answers.receive_until(b"\n", _LINE_MAX))


@asynccontextmanager
async def open_kept(
    folder: Path, *argv: str, base: str = "", name: str = "group", env: dict[str, str] | None = None
) -> AsyncGenerator[Kept]:
    """Keep an agent for the length of the block; what is left of it then is killed.

    Args:
        folder: Its working directory.
        argv: The agent.
        base: Where its group is made; nothing for no group.
        name: What kind of group; see ``small_keeper.py``.
        env: More variables.
    """
    async with await anyio.open_process(
        [sys.executable, "-m", "tests.support.small_keeper", base, name, str(folder), *argv],
        stderr=None,
        cwd=_ROOT,
        env={**os.environ, **(env or {})},
        start_new_session=True,
    ) as process:
        kept = Kept(process)
        try:
            await kept.meet()
            yield kept
        finally:
            for proc in tree.descendants(process.pid):
                tree.send(proc, signal.SIGKILL)

            if process.returncode is None:
                process.kill()
