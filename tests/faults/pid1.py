"""A program as the first process of a pid namespace, as in a container, seen from outside it."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final

from orchestrator.process import init, tree
from tests.support.evidence import LONG, wait_until
from tests.support.mcp_server import LineClient, open_lines

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from orchestrator.process.tree import Proc
    from tests.support.mcp_server import World

#: What is run with it is pid 1, sees a /proc of its own, and ends when `unshare` is killed.
UNSHARE: Final = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")

#: A program that uses the library.
LIBRARY: Final = (sys.executable, "-m", "tests.faults.pid1_program")

SLEEP: Final = "sleep"
SLEEP_S: Final = "45"


@functools.cache
def refusal() -> str:
    """Why there can be no pid namespace here; empty where there can."""
    try:
        done = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "there is no unshare"

    return "" if done.returncode == 0 else done.stderr.strip()


class Container:
    """One namespace.

    Attributes:
        client: The pipes of its first process.
        first: The first process, by the pid that it has outside.
        main: The pid, outside, of what it was started as: the orchestrator, or a program.
    """

    def __init__(self, client: LineClient) -> None:
        """Wait until the first process is an init."""
        self.client = client
        self.first = wait_until(self._find_first, f"pid 1 is called {init.NAME}")
        self.main = tree.children(self.first)[0]

    def children(self, name: str = "") -> list[Proc]:
        """The first process's children, zombies included, or those of this name only."""
        found = [tree.read(pid) for pid in tree.children(self.first)]
        return [proc for proc in found if proc is not None and name in {"", proc.name}]

    def has_only_its_child(self) -> bool:
        """Whether nobody else is below the first process: no stranger, no zombie."""
        return tree.children(self.first) == [self.main]

    def inside(self, name: str) -> list[Proc]:
        """Everyone alive of this name."""
        return [proc for proc in tree.descendants(self.first) if proc.name == name]

    def signal(self, name: str) -> None:
        """Signal the first process, as a container's runtime does."""
        os.kill(self.first, signal.Signals[name])

    def adopt(self, number: int) -> list[Proc]:
        """Let the first process inherit so many strangers, from outside of any agent."""
        script = f"for i in $(seq {number}); do {SLEEP} {SLEEP_S} >/dev/null 2>&1 & done"
        enter = ["nsenter", f"--target={self.first}", "--pid", "--mount"]
        subprocess.run([*enter, "sh", "-c", script], stdin=subprocess.DEVNULL, check=True)

        def all_here() -> list[Proc]:
            found = self.children(SLEEP)
            return found if len(found) == number else []

        return wait_until(all_here, f"{number} strangers below pid 1")

    def wait(self) -> int:
        """Wait until nobody is left in it; the exit status of the first process."""
        return self.client.process.wait(LONG)

    def _find_first(self) -> int:
        found = tree.children(self.client.process.pid)
        first = tree.read(found[0]) if found else None
        return first.pid if first is not None and first.name == init.NAME else 0


@contextmanager
def open_container(
    world: World,
    program: Sequence[str],
    backend: str = "asyncio",
    *,
    variables: dict[str, str] | None = None,
    stderr: IO[bytes] | None = None,
    **options: Any,
) -> Generator[Container]:
    """Run a program as pid 1 in a namespace of its own, which is killed at the end.

    Args:
        world: Its surroundings.
        program: What to run.
        backend: What it runs on.
        variables: More variables for it.
        stderr: Where it says what goes wrong; None for a file in the world.
        options: For `subprocess.Popen`.
    """
    with (
        (world.folder / "stderr").open("ab") as file,
        open_lines(
            (*UNSHARE, *program),
            env=world.environment(backend, **(variables or {})),
            cwd=world.project,
            start_new_session=True,
            stderr=stderr or file,
            **options,
        ) as client,
    ):
        yield Container(client)


def reaped(proc: Proc) -> bool:
    """Whether not even a zombie is left of it."""
    now = tree.read(proc.pid)
    return now is None or now.start != proc.start
