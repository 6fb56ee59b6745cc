"""The roster in which the processes of fake agents enroll, and who of them is still alive."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.process import tree

from .evidence import LONG, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

FAKE_CLAUDE = Path(__file__).parents[1] / "agents" / "fake_claude.py"


class Enrolled(NamedTuple):
    """One process of an agent, as it described itself."""

    pid: int
    start: int
    role: str
    agent_id: str
    cwd: str
    argv: list[str]
    marks: Mapping[str, str]

    @property
    def alive(self) -> bool:
        """Whether exactly this process still runs."""
        now = tree.read(self.pid)
        return now is not None and not now.ended and now.start == self.start


class Roster:
    """A folder of notes."""

    def __init__(self, folder: Path) -> None:
        """Use this folder, which is made."""
        self.folder = folder
        folder.mkdir()

    @property
    def environment(self) -> dict[str, str]:
        """What a server needs so that its agents are fakes which enroll here."""
        return {
            "FAKE_ROSTER": str(self.folder),
            "CLAUDE_EXECUTABLE": shlex.join([sys.executable, "-IS", str(FAKE_CLAUDE)]),
        }

    def all(self) -> list[Enrolled]:
        """Everyone who ever enrolled."""
        notes: list[dict[str, Any]] = [
            json.loads(path.read_text()) for path in self.folder.glob("*.json")
        ]
        return [Enrolled(**note) for note in notes]

    def alive(self) -> list[Enrolled]:
        """Those who still run."""
        return [one for one in self.all() if one.alive]

    def has(self, name: str) -> bool:
        """Whether there is such a note."""
        return (self.folder / name).exists()

    def put(self, name: str) -> None:
        """Write a note, for agents that wait for it."""
        (self.folder / name).touch()

    def wait_enrolled(self, number: int) -> list[Enrolled]:
        """Wait until so many processes have enrolled."""

        def enough() -> list[Enrolled]:
            found = self.all()
            return found if len(found) >= number else []

        return wait_until(enough, f"{number} processes in the roster")

    def wait_agent(self, agent_id: str) -> Enrolled:
        """Wait until this agent is at work, and return its leader's note."""

        def there() -> list[Enrolled]:
            return [one for one in self.all() if (one.agent_id, one.role) == (agent_id, "agent")]

        return wait_until(there, f"{agent_id} in the roster")[0]

    def wait_note(self, name: str) -> None:
        """Wait for a note."""
        wait_until(lambda: self.has(name), f"the note {name}")

    def wait_nobody(self, *, within: float = LONG) -> None:
        """Wait until nobody who ever enrolled is alive."""
        wait_until(lambda: not self.alive(), "nobody left", within=within)
