"""Child orchestrators: processes of their own that signals can go to without meeting pytest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio.streams.text import TextReceiveStream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.abc import Process

    from orchestrator import AgentSpec

_PROGRAM: Final = Path(__file__).with_name("orchestrator_program.py")
_ROOT: Final = Path(__file__).resolve().parents[2]


class ChildOrchestrator:
    """One child orchestrator; made by `open_child`.

    Attributes:
        pid: Its process id.
        id: Of its run.
        nursery: The pid of its nursery.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        self._commands = process.stdin
        self._text = TextReceiveStream(process.stdout)
        self._pending = ""
        self.pid = process.pid
        self.id = ""
        self.nursery = 0

    async def hear(self) -> dict[str, Any]:
        """Return its next answer.

        Raises:
            anyio.EndOfStream: It has ended.
        """
        while "\n" not in self._pending:
            self._pending += await self._text.receive()

        line, _, self._pending = self._pending.partition("\n")
        return json.loads(line)

    async def order(self, do: str, **more: object) -> None:
        """Give it a command."""
        await self._commands.send(json.dumps({"do": do, **more}).encode() + b"\n")

    async def ask(self, do: str, **more: object) -> dict[str, Any]:
        """Give it a command and return the answer."""
        await self.order(do, **more)
        return await self.hear()

    async def launch(self, spec: AgentSpec) -> dict[str, Any]:
        """Let it launch an agent; the answer is the agent's record."""
        return await self.ask("launch", spec=spec.model_dump(mode="json"))

    def signal(self, number: int) -> None:
        """Signal it."""
        self._process.send_signal(signal.Signals(number))

    async def close_input(self) -> None:
        """End its standard input."""
        await self._commands.aclose()

    async def wait(self) -> int:
        """Wait for its end; the exit status, or minus the signal."""
        return await self._process.wait()


@asynccontextmanager
async def open_child(
    workspace: Path,
    backend: str,
    *,
    die_at: str = "",
    quiet: bool = False,
    env: dict[str, str] | None = None,
) -> AsyncGenerator[ChildOrchestrator]:
    """Run a child orchestrator for the length of the block; it is killed at the end of it.

    Args:
        workspace: What it works on.
        backend: ``asyncio`` or ``trio``.
        die_at: Where it kills itself; see the program.
        quiet: Whether what it says on standard error is dropped: a traceback that is expected.
        env: More variables for it.
    """
    async with await anyio.open_process(
        [sys.executable, str(_PROGRAM), str(workspace), backend, die_at],
        stderr=subprocess.DEVNULL if quiet else None,
        env={**os.environ, "PYTHONPATH": str(_ROOT), **(env or {})},
        start_new_session=True,
    ) as process:
        child = ChildOrchestrator(process)
        try:
            hello = await child.hear()
            child.id, child.nursery = hello["orchestrator"], hello["nursery"]
            yield child
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
