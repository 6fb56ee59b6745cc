"""The orchestrator as a lane sees it: a child that is asked in lines, in one of two languages."""

from __future__ import annotations

import importlib.util
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from benchmarks.contenders.client import McpClient, of_server
from benchmarks.contenders.lines import LineChild
from benchmarks.errors import BrokenError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

    from benchmarks.ground import Ground

    from .plan import Backend, House, Launch

#: How long an orchestrator waits for its agents at its end, in seconds, and what a hasty one does.
TIMEOUT_VARIABLE: Final = "ORCHESTRATOR_SHUTDOWN_TIMEOUT"
HASTE: Final = "0.02"

#: What agents run.
HABITS: Final = Path(__file__).resolve().parents[1] / "habits" / "soaked.sh"
SHELL: Final = "/bin/sh"

_LIBRARY: Final = "the library's program"


@dataclass(slots=True, kw_only=True)
class Soaked:
    """An agent that was launched.

    Attributes:
        id: Its id.
        launch: What it is.
        house: Which kind of orchestrator launched it.
        life: In which life.
        cycle: In which cycle of the run.
        task: Its task; None for one without.
        leader: Its pid, once it has become what it is.
        keeper: The pid of its keeper, likewise.
    """

    id: str
    launch: Launch
    house: House
    life: int
    cycle: int
    task: str | None = None
    leader: int = 0
    keeper: int = 0


class Open(Protocol):
    """An orchestrator that runs."""

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Its process."""
        ...

    def launch(self, launches: Sequence[Launch]) -> list[tuple[str, str | None]]:
        """Launch agents side by side; returns their ids and tasks.

        Raises:
            BrokenError: One was refused.
        """
        ...

    def order(self, launches: Sequence[Launch]) -> None:
        """Ask for agents, and do not wait for the answers."""
        ...

    def stop(self, agents: Sequence[Soaked], *, kill: bool = False) -> None:
        """Stop agents side by side, and wait until they are gone.

        Raises:
            BrokenError: It could not be done.
        """
        ...

    def can_stop(self, agent: Soaked) -> bool:
        """Whether it has the means to ask for it."""
        ...

    def lists(self, agent: Soaked) -> bool:
        """Whether it says that the agent runs."""
        ...

    def use_thread(self) -> None:
        """Have it do something in a thread: each pool keeps one that was used just now."""
        ...

    def hang_up(self) -> None:
        """End its input; returns at once."""
        ...

    def said(self) -> str:
        """Return what it said on standard error."""
        ...

    def close(self) -> None:
        """Let go of what is held for it, once it has ended."""
        ...


class _House:
    """What both have: a child that is talked to."""

    def __init__(self, child: LineChild) -> None:
        self._child = child

    @property
    def process(self) -> subprocess.Popen[bytes]:
        return self._child.process

    def hang_up(self) -> None:
        self._child.hang_up()

    def said(self) -> str:
        return self._child.said().decode("utf-8", "replace")

    def close(self) -> None:
        self._child.close()


class LibraryHouse(_House):
    """A program over the library, see `benchmarks.workers.soaked`."""

    def __init__(
        self,
        ground: Ground,
        argv: Sequence[str],
        workspace: Path,
        backend: Backend,
        environment: Mapping[str, str],
    ) -> None:
        """Start it, and wait until its orchestrator is open."""
        program = [*argv, backend, str(workspace), SHELL, str(HABITS)]
        child = LineChild(ground, program, environment=environment, name=_LIBRARY)
        super().__init__(child)
        self._requests = 0
        self._answers([self._request("hello")])

    def launch(self, launches: Sequence[Launch]) -> list[tuple[str, str | None]]:
        """See `Open`."""
        answers = self._answers([self._launch(each) for each in launches])
        return [(answer["agent"], None) for answer in answers]

    def order(self, launches: Sequence[Launch]) -> None:
        """See `Open`."""
        self._child.send(*(self._launch(each) for each in launches))

    def stop(self, agents: Sequence[Soaked], *, kill: bool = False) -> None:
        """See `Open`."""
        self._answers([self._request("stop", agent=each.id, kill=kill) for each in agents])

    def can_stop(self, agent: Soaked) -> bool:
        """Any: the workspace is its own."""
        return bool(agent.id)

    def lists(self, agent: Soaked) -> bool:
        """Look among its agents."""
        [answer] = self._answers([self._request("agents")])
        return agent.id in answer["agents"]

    def use_thread(self) -> None:
        """See `Open`."""
        self._answers([self._request("thread")])

    def _launch(self, launch: Launch) -> Mapping[str, Any]:
        return self._request("launch", type=launch.agent_type, durable=launch.durable)

    def _request(self, do: str, **more: object) -> Mapping[str, Any]:
        self._requests += 1
        return {"id": self._requests, "do": do, **more}

    def _answers(self, requests: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Send requests in one go, and wait for the answers to them, which come in any order."""
        if not requests:
            return []

        self._child.send(*requests)
        answers: dict[int, Mapping[str, Any]] = {}
        wanted = [request["id"] for request in requests]
        while any(number not in answers for number in wanted):
            answer = self._child.receive()
            answers[answer["id"]] = answer

        for number in wanted:
            if "error" in answers[number]:
                raise BrokenError(f"{_LIBRARY}: {answers[number]['error']}")

        return [answers[number] for number in wanted]


class McpHouse(_House):
    """``python -m orchestrator``, asked over MCP."""

    def __init__(
        self,
        ground: Ground,
        argv: Sequence[str],
        workspace: Path,
        backend: Backend,
        environment: Mapping[str, str],
    ) -> None:
        """Start it, and greet it."""
        settings = {
            **of_server(workspace, shlex.join([SHELL, str(HABITS)])),
            "ORCHESTRATOR_BACKEND": backend,
        }
        self._client = McpClient(ground, {**environment, **settings}, argv=argv)
        super().__init__(self._client)
        self._newest: dict[str, str] = {}

    def launch(self, launches: Sequence[Launch]) -> list[tuple[str, str | None]]:
        """See `Open`; agents that are launched together share a task."""
        task = self._create_task()
        answers = self._call("deploy_headless_agent", [_deploy(task, each) for each in launches])
        self._newest = {"task_id": task, "agent_id": answers[-1]["agent_id"]}
        return [(answer["agent_id"], task) for answer in answers]

    def order(self, launches: Sequence[Launch]) -> None:
        """See `Open`."""
        if launches:
            task = self._create_task()
            self._client.begin("deploy_headless_agent", [_deploy(task, each) for each in launches])

    def stop(self, agents: Sequence[Soaked], *, kill: bool = False) -> None:
        """See `Open`; there is no tool that skips the grace."""
        del kill
        calls = [{"task_id": each.task, "agent_id": each.id} for each in agents]
        self._call("kill_real_agent", calls)

    def can_stop(self, agent: Soaked) -> bool:
        """Only one with a task."""
        return agent.task is not None

    def lists(self, agent: Soaked) -> bool:
        """Look at the status of its task; one without a task is in no answer."""
        if agent.task is None:
            return True

        [answer] = self._call("get_real_task_status", [{"task_id": agent.task}])
        rows = answer["agents"]["agents_list"]
        return any(row["id"] == agent.id and row["status"] == "running" for row in rows)

    def use_thread(self) -> None:
        """See `Open`; it reads files in one."""
        if self._newest:
            self._call("get_agent_output", [{**self._newest, "tail": 1}])

    def _create_task(self) -> str:
        [answer] = self._call("create_real_task", [{"description": "a cycle of a soak"}])
        return answer["task_id"]

    def _call(self, tool: str, calls: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        return [answer for _, answer in self._client.call_all(tool, calls)]


def _deploy(task: str, launch: Launch) -> Mapping[str, Any]:
    return {
        "task_id": task,
        "agent_type": launch.agent_type,
        "prompt": f"Be {launch.agent_type}.",
        "durable": launch.durable,
    }


_KINDS: Final[Mapping[House, type[LibraryHouse | McpHouse]]] = {
    "library": LibraryHouse,
    "mcp": McpHouse,
}


def open_house(
    kind: House,
    backend: Backend,
    *,
    ground: Ground,
    argv: Sequence[str],
    workspace: Path,
    environment: Mapping[str, str],
) -> Open:
    """Start an orchestrator, and wait until it answers.

    Args:
        kind: Which one.
        backend: On which backend; where trio is not installed, on asyncio.
        ground: Where it stands.
        argv: Its program.
        workspace: What it works on.
        environment: On top of the ground's.

    Raises:
        BrokenError: It does not answer.
    """
    there = backend if importlib.util.find_spec(backend) else "asyncio"
    return _KINDS[kind](ground, argv, workspace, there, environment)
