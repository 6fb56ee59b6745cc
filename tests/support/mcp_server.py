"""The real server as a child process, spoken to in plain lines, with its own little world."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from .evidence import LONG
from .roster import Roster

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

SERVER: Final = (sys.executable, "-m", "orchestrator")
ROOT: Final = Path(__file__).resolve().parents[2]
STATUSES: Final = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}

#: A server that waits for the ends of its agents, however long they take: with all graces a stop
#: takes 1.7 s, and by default a server waits for 2.0 s, which a busy machine makes too short.
WAITS_LONG: Final = {"ORCHESTRATOR_SHUTDOWN_TIMEOUT": "30"}

#: What would change how a server works, were it left from the tests' own surroundings.
_UNSET: Final = ("CLAUDE_", "ORCHESTRATOR_SOCKET", "ORCHESTRATOR_COOKIE", "ORCHESTRATOR_AGENT")


class World:
    """The folders around a server.

    Attributes:
        folder: What holds everything else.
        workspace: The server's.
        project: Its working directory.
        roster: Of its agents.
        runtime: Where it puts its socket.
    """

    def __init__(self, folder: Path, runtime: Path) -> None:
        """Make the folders."""
        self.folder = folder
        self.workspace = folder / "workspace"
        self.project = folder / "project"
        self.project.mkdir()
        self.roster = Roster(folder / "roster")
        self.runtime = runtime

    def environment(self, backend: str = "asyncio", **more: str) -> dict[str, str]:
        """Return the variables of a server in this world."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_UNSET)}
        return {
            **kept,
            **self.roster.environment,
            "CLAUDE_ORCHESTRATOR_WORKSPACE": str(self.workspace),
            "ORCHESTRATOR_BACKEND": backend,
            "XDG_RUNTIME_DIR": str(self.runtime),
            "PYTHONPATH": str(ROOT),
            **more,
        }

    @property
    def log(self) -> str:
        """What stands in the file of lifecycle lines."""
        path = self.workspace / "registry" / "orchestrator.log"
        return path.read_text() if path.exists() else ""


@contextmanager
def open_world(folder: Path) -> Generator[World]:
    """Make a world in a folder; whoever of its agents is left at the end is killed."""
    with tempfile.TemporaryDirectory(prefix="orc-") as runtime:
        world = World(folder, Path(runtime))
        try:
            yield world
        finally:
            for one in world.roster.alive():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one.pid, signal.SIGKILL)


class LineClient:
    """Speaks the protocol in lines over the pipes of a process: a server, or a relay to one."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Take a process with pipes on standard input and output."""
        self.process = process
        self._buffer = b""
        self._number = 0
        self._answers: dict[object, dict[str, Any]] = {}

    @property
    def stdin(self) -> IO[bytes]:
        """Its standard input."""
        assert self.process.stdin is not None
        return self.process.stdin

    def send(self, *messages: dict[str, Any]) -> None:
        """Send messages in one go."""
        self.stdin.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))

    def initialize(self) -> dict[str, Any]:
        """Shake hands."""
        client = {"name": "test", "version": "0"}
        self.send(
            {
                "jsonrpc": "2.0",
                "id": "init",
                "method": "initialize",
                "params": {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {},
                    "clientInfo": client,
                },
            }
        )
        answer = self.receive("init")
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def order(self, tool: str, **arguments: object) -> int:
        """Call a tool without waiting; the answer has this id."""
        self._number += 1
        params = {"name": tool, "arguments": arguments}
        self.send({"jsonrpc": "2.0", "id": self._number, "method": "tools/call", "params": params})
        return self._number

    def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool and return the object that it answers with."""
        result = self.receive(self.order(tool, **arguments))["result"]
        assert not result["isError"], result
        return result["structuredContent"]

    def receive(self, wanted: object) -> dict[str, Any]:
        """Return the answer with this id; others are kept until they are asked for."""
        while wanted not in self._answers:
            message = json.loads(self.read_line())
            self._answers[message.get("id")] = message

        return self._answers.pop(wanted)

    def read_line(self) -> bytes:
        """Return its next line, within the time that anything may take."""
        assert self.process.stdout is not None
        end = time.monotonic() + LONG
        while b"\n" not in self._buffer:
            left = max(0.0, end - time.monotonic())
            if not select.select([self.process.stdout], [], [], left)[0]:
                raise TimeoutError("no answer")

            data = os.read(self.process.stdout.fileno(), 1 << 20)
            if not data:
                raise EOFError("it has ended")

            self._buffer += data

        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def signal(self, name: str) -> None:
        """Signal it."""
        self.process.send_signal(signal.Signals[name])

    def end_input(self) -> None:
        """Close its standard input."""
        self.stdin.close()

    def wait(self) -> int:
        """Wait for its end; the exit status, or minus the signal."""
        return self.process.wait(LONG)

    # ------------------------------------------------------------------------- for most tests
    def create_task(self, **arguments: object) -> str:
        """Create a task and return its id."""
        return self.call("create_real_task", **{"description": "a task", **arguments})["task_id"]

    def deploy(self, task_id: str, directive: str, **arguments: object) -> str:
        """Deploy a fake agent with this directive and return its id."""
        wanted = {"task_id": task_id, "agent_type": "w", "prompt": f"[[fake {directive}]]"}
        answer = self.call("deploy_headless_agent", **{**wanted, **arguments})
        assert answer["success"], answer
        return answer["agent_id"]

    def rows(self, task_id: str) -> dict[str, dict[str, Any]]:
        """Return the rows of a task's agents, by id."""
        answer = self.call("get_real_task_status", task_id=task_id)
        return {row["id"]: row for row in answer["agents"]["agents_list"]}


@contextmanager
def open_server(
    world: World,
    backend: str = "asyncio",
    *,
    program: Sequence[str] = SERVER,
    variables: dict[str, str] | None = None,
    **options: Any,
) -> Generator[LineClient]:
    """Run a server in a session of its own; it is initialized, and killed at the end.

    Args:
        world: Its surroundings.
        backend: What it runs on.
        program: Another program than the server.
        variables: More variables for it.
        options: For `subprocess.Popen`.
    """
    with (
        (world.folder / "stderr").open("ab") as stderr,
        open_lines(
            program,
            env=world.environment(backend, **(variables or {})),
            cwd=world.project,
            start_new_session=True,
            stderr=stderr,
            **options,
        ) as client,
    ):
        client.initialize()
        yield client


@contextmanager
def open_lines(program: Sequence[str], **options: Any) -> Generator[LineClient]:
    """Run a program that speaks the protocol; it is killed at the end."""
    streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **options}
    process = cast("subprocess.Popen[bytes]", subprocess.Popen(program, bufsize=0, **streams))
    try:
        yield LineClient(process)
    finally:
        process.kill()
        process.wait(LONG)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def next_start(world: World) -> dict[str, Any]:
    """Start an orchestrator on the workspace, and return what it knows of earlier runs."""
    program = [sys.executable, "-m", "tests.support.next_start", str(world.workspace)]
    done = subprocess.run(
        program, cwd=ROOT, env=world.environment(), capture_output=True, check=True, timeout=LONG
    )
    return json.loads(done.stdout)


def ends(known: dict[str, Any]) -> dict[str, str]:
    """Return the verdict on each agent, or the state of one that has none, by its id."""
    return {
        agent["id"]: agent["state"].get("outcome", {}).get("verdict", agent["state"]["kind"])
        for agent in known["agents"]
    }
