"""The tasks in memory: they take down who asked for what, and answer, fail or wait as told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import anyio

if TYPE_CHECKING:
    from orchestrator.frontends.mcp.ports import TaskTools
    from orchestrator.tasks.caller import Caller


class Call(NamedTuple):
    """One call of a method."""

    method: str
    caller: Caller | None
    arguments: dict[str, Any]


class FakeTasks:
    """Satisfies `TaskTools`."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: dict[str, dict[str, object]] = {}
        self.failures: dict[str, Exception] = {}
        self.gates: dict[str, anyio.Event] = {}
        self.finished: list[str] = []
        self._arrived = anyio.Event()

    async def wait_called(self, times: int) -> None:
        while len(self.calls) < times:
            self._arrived = anyio.Event()
            await self._arrived.wait()

    async def _do(
        self, method: str, caller: Caller | None, arguments: dict[str, Any]
    ) -> dict[str, object]:
        self.calls.append(Call(method, caller, arguments))
        self._arrived.set()
        gate = self.gates.get(method)
        if gate is not None:
            await gate.wait()

        self.finished.append(method)
        if method in self.failures:
            raise self.failures[method]

        return self.answers.get(method, {"success": True, "method": method})

    async def create_task(self, **arguments: Any) -> dict[str, object]:
        return await self._do("create_task", None, arguments)

    async def deploy(self, caller: Caller, **arguments: Any) -> dict[str, object]:
        return await self._do("deploy", caller, arguments)

    async def status(self, **arguments: Any) -> dict[str, object]:
        return await self._do("status", None, arguments)

    async def output(self, **arguments: Any) -> dict[str, object]:
        return await self._do("output", None, arguments)

    async def kill(self, caller: Caller, **arguments: Any) -> dict[str, object]:
        return await self._do("kill", caller, arguments)

    async def freeze(self, caller: Caller, **arguments: Any) -> dict[str, object]:
        return await self._do("freeze", caller, arguments)

    async def thaw(self, caller: Caller, **arguments: Any) -> dict[str, object]:
        return await self._do("thaw", caller, arguments)

    async def update_progress(self, caller: Caller, **arguments: Any) -> dict[str, object]:
        return await self._do("update_progress", caller, arguments)

    async def report_finding(self, caller: Caller, **arguments: Any) -> dict[str, object]:
        return await self._do("report_finding", caller, arguments)

    async def spawn_child(self, caller: Caller, **arguments: Any) -> dict[str, object]:
        return await self._do("spawn_child", caller, arguments)

    async def tasks_list(self) -> dict[str, object]:
        return await self._do("tasks_list", None, {})

    async def timeline(self, **arguments: Any) -> dict[str, object]:
        return await self._do("timeline", None, arguments)


def satisfies_the_port(fake: FakeTasks) -> TaskTools:
    """Let the type checker compare them."""
    return fake
