"""Child orchestrators that go on when they are refused something."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio

from tests.support.mcp_server import ROOT
from tests.support.orchestrators import ChildOrchestrator

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

_PROGRAM: Final = Path(__file__).with_name("hardy_program.py")


@asynccontextmanager
async def open_hardy(
    workspace: Path, backend: str, *, inside: Sequence[str] = (), log: Path | None = None
) -> AsyncGenerator[ChildOrchestrator]:
    """Run a child orchestrator for the length of the block; it is killed at the end of it.

    Args:
        workspace: What it works on.
        backend: ``asyncio`` or ``trio``.
        inside: The beginning of the command, e.g. what enters the namespace of a small disk.
        log: Where it says on standard error; None to drop that.
    """
    with (log or Path(os.devnull)).open("ab") as stderr:
        async with await anyio.open_process(
            [*inside, sys.executable, str(_PROGRAM), str(workspace), backend],
            stderr=stderr,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        ) as process:
            child = ChildOrchestrator(process)
            try:
                hello = await child.hear()
                child.nursery = hello["nursery"]
                yield child
            finally:
                if process.returncode is None:
                    process.send_signal(signal.SIGKILL)
