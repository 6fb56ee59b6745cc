"""A parent of one agent that writes a lot: its own file, or a pipe that is pumped into one.

Reads lines like ``{"do": "launch", "count": 1}`` and answers each with a line. ``file FOLDER
PROGRAM``: the agent gets the descriptor of a file; ``thread``: a thread copies from a pipe;
``anyio``: a task copies from a stream of anyio's. The file is ``out`` in the folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio

if TYPE_CHECKING:
    from anyio.abc import Process

OUT: Final = "out"

_CHUNK: Final = 1 << 16
_MS_PER_S: Final = 1000.0
_APPEND: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class _Plain:
    """Popen, and a thread where there is a pipe."""

    def __init__(self, folder: Path, program: str, *, pump: bool) -> None:
        self._file = os.open(folder / OUT, _APPEND, 0o600)
        self._program = program
        self._pump = pump
        self._agents: list[subprocess.Popen[bytes]] = []

    def do(self, what: str) -> dict[str, Any]:
        if what == "clear":
            return self._clear()

        began = time.perf_counter()
        agent = subprocess.Popen(
            [self._program],
            bufsize=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if self._pump else self._file,
            start_new_session=True,
        )
        self._agents.append(agent)
        if agent.stdout is not None:
            threading.Thread(target=self._copy, args=[agent.stdout.fileno()], daemon=True).start()

        return _launched(began)

    def _copy(self, pipe: int) -> None:
        while data := os.read(pipe, _CHUNK):
            os.write(self._file, data)

    def _clear(self) -> dict[str, Any]:
        for agent in self._agents:
            agent.kill()
            agent.wait()

        self._agents.clear()
        return {}


def serve(folder: Path, program: str, *, pump: bool) -> None:
    """Be a parent with blocking calls."""
    parent = _Plain(folder, program, pump=pump)
    _answer({})
    for line in sys.stdin:
        _answer(parent.do(json.loads(line)["do"]))

    parent.do("clear")


async def serve_anyio(folder: Path, program: str) -> None:
    """Be a parent on anyio, with a task for the pipe."""
    file = os.open(folder / OUT, _APPEND, 0o600)
    async with anyio.create_task_group() as group:
        agents: list[Process] = []
        _answer({})
        while (what := await _asked()) is not None:
            if what == "clear":
                await _clear(agents)
                _answer({})
                continue

            began = time.perf_counter()
            agent = await anyio.open_process(
                [program], stdin=subprocess.DEVNULL, stderr=None, start_new_session=True
            )
            agents.append(agent)
            group.start_soon(_pump, agent, file)
            _answer(_launched(began))

        await _clear(agents)


async def _pump(agent: Process, file: int) -> None:
    assert agent.stdout is not None
    async for data in agent.stdout:
        os.write(file, data)


async def _clear(agents: list[Process]) -> None:
    for agent in agents:
        agent.kill()
        await agent.wait()

    agents.clear()


async def _asked() -> str | None:
    """Return what is to be done next; None at end of input. One request is there at a time."""
    await anyio.wait_readable(0)
    line = os.read(0, _CHUNK)
    return json.loads(line)["do"] if line else None


def _launched(began: float) -> dict[str, Any]:
    took = (time.perf_counter() - began) * _MS_PER_S
    return {"times": [took], "wall": took}


def _answer(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Be the parent that the arguments name."""
    match sys.argv[1:]:
        case ["file" | "thread" as kind, folder, program]:
            serve(Path(folder), program, pump=kind == "thread")
        case ["anyio", folder, program]:
            anyio.run(serve_anyio, Path(folder), program)
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2

    return 0


if __name__ == "__main__":
    sys.exit(main())
