"""A server that outlasts one example after the other, and everything around it that may not."""

from __future__ import annotations

import json
import os
import socket
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orchestrator.process import tree
from tests.support.evidence import LONG, wait_until
from tests.support.mcp_server import LineClient, World, open_server, open_world

from .conversation import Conversation, check_tool_result
from .values import AGENT, ENDED, TASK, expand

if TYPE_CHECKING:
    from collections.abc import Generator

LIMITS: Final = {
    "CLAUDE_ORCHESTRATOR_MAX_AGENTS": "9",
    "CLAUDE_ORCHESTRATOR_MAX_CONCURRENT": "5",
    "CLAUDE_ORCHESTRATOR_MAX_DEPTH": "3",
}

#: After so many examples there is another task, whose agents have not been used up.
TASK_LIFE: Final = 20

INITIALIZE: Final = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "fuzz", "version": "0"},
}


class House:
    """A running server in a world of its own, with a task, a live agent and one that has ended."""

    def __init__(self, world: World, server: LineClient) -> None:
        """Made by `open_house`."""
        self.world = world
        self.server = server
        self.pid = server.process.pid
        assert server.process.stdout is not None
        self.client = Conversation(server.stdin.fileno(), server.process.stdout.fileno())
        self._examples = 0
        self._ids: dict[str, str] = {}
        self._stderr_read = 0
        self.renew()
        # Whatever is opened once and kept, is open now.
        self.check_useful()
        self._wait_ended()
        self._kept = len(self._open_files())
        self._tree = self._listing()

    # ------------------------------------------------------------------------------ surroundings
    def renew(self) -> None:
        """Make a task with fresh agents."""
        if self._ids:
            self.call("kill_real_agent", task_id=self._ids[TASK], agent_id=self._ids[AGENT])

        task = self.call("create_real_task", description="a task")["task_id"]
        self._ids = {
            TASK: task,
            AGENT: self._deploy(task, "[[fake sleep=100]]"),
            ENDED: self._deploy(task, "[[fake lines=3]]"),
        }
        leader = self.world.roster.wait_agent(self._ids[AGENT])
        self.socket = leader.marks["ORCHESTRATOR_SOCKET"]
        self.cookie = leader.marks["ORCHESTRATOR_COOKIE"]

    def prepare(self) -> None:
        """Before an example: the agent that it is about lives."""
        self._examples += 1
        known = self.call("get_agent_output", task_id=self._ids[TASK], agent_id=self._ids[AGENT])
        if known["session_status"] != "running" or self._examples % TASK_LIFE == 0:
            self.renew()

    def fill_in(self, text: str) -> str:
        """Put in what was not known, or too large, when an example was made."""
        for placeholder, known in {**self._ids, "@project@": str(self.world.project)}.items():
            text = text.replace(placeholder, known)

        return expand(text)

    @contextmanager
    def agent_door(self) -> Generator[socket.socket]:
        """Connect to the agents' socket."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(LONG)
            connection.connect(self.socket)
            yield connection

    @contextmanager
    def agent_connection(self) -> Generator[Conversation]:
        """Connect as the live agent does through its relay, and say nothing yet."""
        with self.agent_door() as connection:
            conversation = Conversation(connection.fileno(), connection.fileno())
            conversation.say(b'{"orchestrator": 1, "cookie": "%s"}\n' % self.cookie.encode())
            assert json.loads(conversation.next_line())["ok"] is True
            yield conversation

    def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool with arguments that are fine; it has to succeed."""
        answer = self.client.ask("tools/call", {"name": tool, "arguments": arguments})
        body = check_tool_result(answer)
        assert body is not None, answer
        assert body["success"] is True, body
        return body

    def _deploy(self, task: str, prompt: str) -> str:
        arguments = {"task_id": task, "agent_type": "w", "prompt": prompt}
        return self.call("deploy_headless_agent", **arguments)["agent_id"]

    # ----------------------------------------------------------------------------------- verdicts
    def check(self) -> None:
        """After an example: the server lives, has not failed inside, and wrote nowhere else."""
        assert self.server.process.poll() is None, f"it has ended: {self._new_stderr()[-3_000:]}"
        said = self._new_stderr()
        assert "Traceback" not in said, said[-5_000:]
        assert self._listing() == self._tree

    def check_useful(self) -> None:
        """A task can be made, an agent deployed, seen and stopped, and nobody is left of it."""
        task = self.call("create_real_task", description="a well-formed one")["task_id"]
        agent = self._deploy(task, "[[fake sleep=100 kids=1]]")
        self.world.roster.wait_agent(agent)
        (row,) = self.call("get_real_task_status", task_id=task)["agents"]["agents_list"]
        assert (row["id"], row["status"]) == (agent, "running")
        killed = self.call("kill_real_agent", task_id=task, agent_id=agent)
        assert killed["status"] == "terminated"
        assert not [one for one in self.world.roster.alive() if one.agent_id == agent]

    def check_clean(self) -> None:
        """After all examples: it is useful, and holds no more than when it began."""
        self.renew()
        self.check_useful()
        self._wait_ended()
        wait_until(
            lambda: len(self._open_files()) <= self._kept,
            f"no more descriptors than {self._kept}: {self._open_files()}",
        )
        wait_until(lambda: not self._zombies(), "no zombies")
        self.check()
        for path in self.world.workspace.rglob("*"):
            assert path.name.isascii(), path
            assert path.name.isprintable(), path

    def check_end(self) -> None:
        """The end of input ends it, and all that it ever started."""
        self.server.end_input()
        assert self.server.wait() == 0
        self.world.roster.wait_nobody()
        said = self._new_stderr() + self.world.log
        assert "Traceback" not in said, said[-5_000:]
        assert not list(self.world.runtime.iterdir())

    def _new_stderr(self) -> str:
        with (self.world.folder / "stderr").open("rb") as file:
            file.seek(self._stderr_read)
            data = file.read()

        self._stderr_read += len(data)
        return data.decode("utf-8", "replace")

    def _wait_ended(self) -> None:
        ids = {"task_id": self._ids[TASK], "agent_id": self._ids[ENDED]}
        wait_until(
            lambda: self.call("get_agent_output", **ids)["session_status"] == "terminated",
            "the end of the agent that does nothing",
        )

    def _open_files(self) -> list[str]:
        found: list[str] = []
        for link in Path(f"/proc/{self.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                found.append(str(link.readlink()))

        return found

    def _zombies(self) -> list[tree.Proc]:
        return [proc for proc in tree.descendants(self.pid) if proc.ended]

    def _listing(self) -> dict[str, tuple[int, int]]:
        """Size and time of every file around that is not the server's own."""
        root = self.world.folder.parent
        own = {self.world.workspace, self.world.roster.folder}
        found: dict[str, tuple[int, int]] = {}
        for folder, names, files in os.walk(root):
            here = root / os.path.relpath(folder, root)
            names[:] = [
                name for name in names if here / name not in own and name != ".agent-workspace"
            ]
            for name in [*names, *files]:
                path = here / name
                seen = path.lstat()
                size = (seen.st_size, seen.st_mtime_ns) if name in files else (0, 0)
                found[str(path.relative_to(root))] = size

        found.pop("world/stderr")
        return found


@contextmanager
def open_house(folder: Path, backend: str) -> Generator[House]:
    """Run a server in a new folder; it is ended in good order if nothing went wrong."""
    inner = folder / "world"
    inner.mkdir(parents=True)
    (folder / "bait").write_text("must not be touched\n")
    with open_world(inner) as world:
        places = {"HOME": inner / "home", "TMPDIR": inner / "tmp"}
        for place in places.values():
            place.mkdir()
            (place / "bait").write_text("must not be touched\n")

        variables = {**LIMITS, **{name: str(place) for name, place in places.items()}}
        with open_server(world, backend, variables=variables) as server:
            yield House(world, server)


class Houses:
    """A house for each example: the same one, until an example has ruined it."""

    def __init__(self, folder: Path, backend: str) -> None:
        """Take where they are to stand."""
        self._folder = folder
        self._backend = backend
        self._stack = ExitStack()
        self._number = 0
        self._house: House | None = None

    @contextmanager
    def example(self) -> Generator[House]:
        """Lend a house for an example, and look at it afterwards."""
        house = self._house or self._open()
        self._house = None
        house.prepare()
        yield house
        house.check()
        self._house = house

    def close(self) -> None:
        """End the last one, and see that nothing is left of it."""
        with self._stack:
            if self._house is not None:
                self._house.check_clean()
                self._house.check_end()

    def _open(self) -> House:
        self._stack.close()
        self._number += 1
        folder = self._folder / str(self._number)
        return self._stack.enter_context(open_house(folder, self._backend))
