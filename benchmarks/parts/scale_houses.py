"""Who has many live agents: the library in a worker, and the MCP server."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from benchmarks.contenders.lines import LineChild
from benchmarks.errors import BrokenError

from .start_client import content, of_server, open_client

if TYPE_CHECKING:
    from collections.abc import Generator

    from benchmarks.ground import Ground

    from .start_client import Client

#: Deployments that are under way at a time.
_SIDE_BY_SIDE: Final = 20

_MS_PER_S: Final = 1000.0


class Probe(NamedTuple):
    """One more agent: milliseconds until it ran, and then until it was gone."""

    launch: float
    stop: float


class House(Protocol):
    """An orchestrator and its agents."""

    @property
    def root(self) -> int:
        """The pid of the orchestrator."""
        ...

    def fill(self, count: int) -> None:
        """Launch agents that stay.

        Raises:
            BrokenError: One was not launched.
        """
        ...

    def probe(self) -> Probe:
        """Launch one more, and stop it.

        Raises:
            BrokenError: It was not launched, or not stopped.
        """
        ...

    def leave(self) -> None:
        """Say that everything is to end; returns at once."""
        ...


class LibraryHouse:
    """The library on asyncio; it times its own calls."""

    def __init__(self, child: LineChild) -> None:
        """Talk to the worker."""
        self._child = child

    @property
    def root(self) -> int:
        """The pid of the worker, which is the orchestrator."""
        return self._child.process.pid

    def fill(self, count: int) -> None:
        """See `House`."""
        self._child.send({"do": "fill", "count": count})
        self.answer()

    def probe(self) -> Probe:
        """See `House`."""
        self._child.send({"do": "probe"})
        found = self.answer()
        return Probe(found["launch"], found["stop"])

    def leave(self) -> None:
        """See `House`."""
        self._child.hang_up()

    def answer(self) -> dict[str, float]:
        """Wait for an answer.

        Raises:
            BrokenError: It says that it failed.
        """
        found = self._child.receive()
        if "error" in found:
            raise BrokenError(f"library: {found['error']}")

        return found


class McpHouse:
    """The MCP server, timed by its client.

    The agents that stay are all of one task; one more is alone in another.
    """

    def __init__(self, client: Client) -> None:
        """Make the tasks."""
        self._client = client
        self._all = self._new_task()
        self._one = self._new_task()
        self._probes = self._new_task()
        self._agents = 0
        client.call("deploy_headless_agent", **_deployment(self._one))

    @property
    def root(self) -> int:
        """The pid of the server."""
        return self._client.process.pid

    def fill(self, count: int) -> None:
        """See `House`."""
        left = count
        while left:
            begun = min(left, _SIDE_BY_SIDE)
            for _ in range(begun):
                self._client.begin("deploy_headless_agent", **_deployment(self._all))

            for _ in range(begun):
                content("deploy_headless_agent", self._client.receive())

            left -= begun

        self._agents += count

    def probe(self) -> Probe:
        """See `House`."""
        launch, agent = self._client.call("deploy_headless_agent", **_deployment(self._probes))
        stop, _ = self._client.call(
            "kill_real_agent", task_id=self._probes, agent_id=agent["agent_id"]
        )
        return Probe(launch, stop)

    def status(self, *, whole: bool) -> float:
        """Return the milliseconds that the status of a task takes.

        Args:
            whole: Of the task with all agents, or of the one whose agent is alone.

        Raises:
            BrokenError: It is wrong.
        """
        took, said = self._client.call(
            "get_real_task_status", task_id=self._all if whole else self._one
        )
        wanted = self._agents if whole else 1
        listed: list[dict[str, str]] = said["agents"]["agents_list"]
        live = sum(each["status"] == "running" for each in listed)
        if live != wanted:
            raise BrokenError(f"a task of {wanted} live agents is said to have {live}")

        return took

    def leave(self) -> None:
        """See `House`."""
        pipe = self._client.process.stdin
        assert pipe is not None
        pipe.close()

    def _new_task(self) -> str:
        return self._client.call("create_real_task", description="scale")[1]["task_id"]


def _deployment(task: str) -> dict[str, str]:
    return {"task_id": task, "agent_type": "agent", "prompt": "wait"}


@contextmanager
def open_library(ground: Ground) -> Generator[LibraryHouse]:
    """Have a library's orchestrator for the length of the block."""
    argv = [sys.executable, "-m", "benchmarks.workers.scaled"]
    argv += [str(ground.new_folder()), str(ground.program("stays"))]
    child = LineChild(ground, argv, environment={}, name="the library's orchestrator")
    try:
        house = LibraryHouse(child)
        house.answer()
        yield house
    finally:
        child.close()


@contextmanager
def open_mcp(ground: Ground) -> Generator[McpHouse]:
    """Have an MCP server for the length of the block."""
    environment = of_server(ground.new_folder(), ground.program("stays"))
    with open_client(ground, environment) as client:
        yield McpHouse(client)


def probe_popen(ground: Ground) -> Probe:
    """Do the same with nobody between: start the program, and end it.

    Raises:
        BrokenError: It does not end.
    """
    began = time.perf_counter()
    process = ground.spawn([str(ground.program("stays"))], new_session=True)
    runs = time.perf_counter()
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise BrokenError("bare Popen: SIGTERM did not end the program") from None

    ended = time.perf_counter()
    return Probe((runs - began) * _MS_PER_S, (ended - runs) * _MS_PER_S)
