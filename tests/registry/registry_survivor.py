"""A process that goes on whatever happens to the file: ``registry_survivor.py WORKSPACE NAME``.

It obeys lines on standard input: ``live NUMBER`` takes so many agents from start to end, each named
when it is on record; ``start NUMBER`` leaves them running; ``end`` ends those; ``check`` checks.
It says ``done`` after each.
"""

from __future__ import annotations

import itertools
import logging
import sys
from pathlib import Path

from registry_records import RUNNING, agent, exited, run

from orchestrator.model import AgentId, OrchestratorId
from orchestrator.registry import Registry


def say(line: str) -> None:
    """Say a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Survivor:
    """One process's own run and agents."""

    def __init__(self, registry: Registry, name: str) -> None:
        """Put the run on record."""
        self._registry = registry
        self._name = name
        self._owner = OrchestratorId(f"orc-{name}")
        self._numbers = itertools.count()
        self._running: list[AgentId] = []
        registry.orchestrators.add(run(self._owner))

    def start(self, number: int) -> None:
        """Start agents and leave them running."""
        for _ in range(number):
            record = agent(f"{self._name}-{next(self._numbers)}", owner=self._owner)
            self._registry.agents.add(record)
            self._registry.agents.set_state(record.id, RUNNING)
            self._running.append(record.id)
            say(record.id)

    def end(self) -> None:
        """End those that run."""
        while self._running:
            self._registry.agents.set_state(self._running.pop(0), exited())

    def obey(self, line: str) -> None:
        """Do what a line says."""
        word, *rest = line.split()
        match word:
            case "live":
                for _ in range(int(rest[0])):
                    self.start(1)
                    self._registry.agents.set_state(self._running.pop(), exited())
            case "start":
                self.start(int(rest[0]))
            case "end":
                self.end()
            case _:
                self._registry.check()

        say("done")


if __name__ == "__main__":
    logging.basicConfig()
    with Registry.open(Path(sys.argv[1])) as opened:
        survivor = Survivor(opened, sys.argv[2])
        say("done")
        for line in sys.stdin:
            survivor.obey(line)
