"""Who has many live agents: the library in a worker, and the MCP server."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from benchmarks.contenders.client import of_server, open_client
from benchmarks.contenders.lines import LineChild
from benchmarks.errors import BrokenError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from benchmarks.contenders.client import McpClient
    from benchmarks.ground import Ground

#: Deployments that are under way at a time.
_SIDE_BY_SIDE: Final = 20

_MS_PER_S: Final = 1000.0


LIBRARY: Final = "library"
MCP: Final = "mcp"

#: What they are called in tables.
NAMES: Final = {LIBRARY: "launch(), asyncio", MCP: "MCP server"}

#: What is asked for of a log.
TAIL: Final = 100


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

    def launch(self) -> str:
        """Launch one more among those that stay; returns its id.

        Raises:
            BrokenError: It was not launched.
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

    def launch(self) -> str:
        """See `House`."""
        self._child.send({"do": "launch"})
        return self.answer()["agent"]

    def change(self, lives: int) -> list[float]:
        """Let agents live in its registry, on record only; returns milliseconds of each change.

        Raises:
            BrokenError: One was not recorded.
        """
        self._child.send({"do": "changes", "lives": lives})
        done: dict[str, list[float]] = self.answer()["times"]
        return [time for each in done.values() for time in each]

    def leave(self) -> None:
        """See `House`."""
        self._child.hang_up()

    def answer(self) -> dict[str, Any]:
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

    def __init__(self, client: McpClient) -> None:
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
            self._client.call_all("deploy_headless_agent", [_deployment(self._all)] * begun)
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

    def launch(self) -> str:
        """See `House`."""
        _, agent = self._client.call("deploy_headless_agent", **_deployment(self._all))
        self._agents += 1
        return agent["agent_id"]

    def tail(self, agent: str) -> float:
        """Return the milliseconds that the last lines of an agent's log take.

        Args:
            agent: One of those that stay.

        Raises:
            BrokenError: They are not as many.
        """
        took, said = self._client.call(
            "get_agent_output",
            task_id=self._all,
            agent_id=agent,
            tail=TAIL,
            include_metadata=True,
        )
        lines = len(said["output"].splitlines())
        if lines != TAIL:
            raise BrokenError(f"of {TAIL} lines asked for, {lines} were answered")

        return took

    def leave(self) -> None:
        """See `House`."""
        self._client.hang_up()

    def _new_task(self) -> str:
        return self._client.call("create_real_task", description="scale")[1]["task_id"]


def _deployment(task: str) -> dict[str, str]:
    return {"task_id": task, "agent_type": "agent", "prompt": "wait"}


@contextmanager
def open_library(ground: Ground, program: Path) -> Generator[LibraryHouse]:
    """Have a library's orchestrator for the length of the block, for agents of one program."""
    argv = [sys.executable, "-m", "benchmarks.workers.scaled"]
    argv += [str(ground.new_folder(on_disk=True)), str(program)]
    child = LineChild(ground, argv, environment={}, name="the library's orchestrator")
    try:
        house = LibraryHouse(child)
        house.answer()
        yield house
    finally:
        child.close()


@contextmanager
def open_mcp(ground: Ground, program: Path) -> Generator[McpHouse]:
    """Have an MCP server for the length of the block, for agents of one program."""
    environment = of_server(ground.new_folder(on_disk=True), program)
    with open_client(ground, environment) as client:
        yield McpHouse(client)


def probe_popen(ground: Ground, program: Path) -> Probe:
    """Do the same with nobody between: start the program, and end it.

    Raises:
        BrokenError: It does not end.
    """
    began = time.perf_counter()
    process = ground.spawn([str(program)], new_session=True)
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
