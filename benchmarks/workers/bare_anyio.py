"""A parent that starts bare processes with ``anyio.open_process``.

Reads the lines that `benchmarks.workers.bare` reads; ends with SIGTERM to each process.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import anyio

from .lines import answer, held, requests_async

if TYPE_CHECKING:
    from anyio.abc import Process

_MS_PER_S: Final = 1000.0
_ARGUMENTS: Final = 3


class _Worker:
    def __init__(self, program: str) -> None:
        self._program = program
        self._processes: list[Process] = []

    async def serve(self, megabytes: int) -> None:
        ballast = held(megabytes)
        answer({})
        async for request in requests_async():
            answer(await self._do(request["do"], request.get("count", 0)))

        await self._clear()
        del ballast

    async def _do(self, what: str, count: int) -> dict[str, Any]:
        match what:
            case "launch":
                times = [await self._launch(time.perf_counter()) for _ in range(count)]
                return {"times": times, "wall": sum(times)}
            case "together":
                return await self._together(count)
            case "run":
                times = [await self._run() for _ in range(count)]
                return {"times": times, "wall": sum(times)}
            case "end":
                for process in self._processes:
                    process.terminate()

                return await self._reap()
            case "clear":
                return await self._clear()
            case _:
                return {"error": f"no such thing to do: {what!r}"}

    async def _launch(self, began: float) -> float:
        process = await anyio.open_process(
            [self._program],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        took = time.perf_counter() - began
        self._processes.append(process)
        return took * _MS_PER_S

    async def _together(self, count: int) -> dict[str, Any]:
        times: list[float] = []
        began = time.perf_counter()

        async def one() -> None:
            times.append(await self._launch(began))

        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(one)

        return {"times": times, "wall": max(times)}

    async def _run(self) -> float:
        began = time.perf_counter()
        await self._launch(began)
        await self._reap()
        return (time.perf_counter() - began) * _MS_PER_S

    async def _clear(self) -> dict[str, Any]:
        for process in self._processes:
            process.kill()

        return await self._reap()

    async def _reap(self) -> dict[str, Any]:
        for process in self._processes:
            await process.wait()
            await process.aclose()

        self._processes.clear()
        return {}


def main() -> int:
    """Start the program, with the megabytes, that the arguments name."""
    if len(sys.argv) != _ARGUMENTS:
        sys.stderr.write("usage: python -m benchmarks.workers.bare_anyio PROGRAM MB\n")
        return 2

    _, program, megabytes = sys.argv
    anyio.run(_Worker(program).serve, int(megabytes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
