"""A process of its own that uses a registry: ``registry_worker.py WORKSPACE MODE NAME``.

It begins when its standard input ends, and prints what became of each thing that it did.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from registry_records import LOST, RUNNING, TASK, agent, exited, progress

from orchestrator.errors import LimitReachedError
from orchestrator.model import Limits
from orchestrator.registry import Registry


def live(registry: Registry, name: str) -> None:
    """Take 50 agents from start to end with a report each: 200 changes."""
    for number in range(50):
        record = agent(f"{name}-{number}")
        registry.agents.add(record)
        registry.agents.set_state(record.id, RUNNING)
        registry.reports.add_progress(progress(record.id, percent=number))
        registry.agents.set_state(record.id, exited())


def crowd(registry: Registry, name: str) -> None:
    """Add as many agents as the limit lets in."""
    for number in range(20):
        try:
            registry.agents.add(agent(f"{name}-{number}"), Limits(max_agents=17))
        except LimitReachedError:
            continue

        sys.stdout.write(f"{name}-{number}\n")


def end(registry: Registry, name: str) -> None:
    """End every agent in this process's own way, and print what it was told."""
    state = LOST if name == "pessimist" else exited()
    for record in registry.agents.find(task_id=TASK):
        after = registry.agents.set_state(record.id, state)
        sys.stdout.write(f"{after.id} {after.state.kind}\n")


def show(registry: Registry, _: str) -> None:
    """Print every agent and its state."""
    for record in registry.agents.find():
        sys.stdout.write(f"{record.id} {record.state.kind}\n")


def forever(registry: Registry, name: str) -> None:
    """Add agents until killed, and name each one as soon as it is on record."""
    for number in itertools.count():
        registry.agents.add(agent(f"{name}-{number}"))
        sys.stdout.write(f"{name}-{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.stdin.read()
    modes = {"live": live, "crowd": crowd, "end": end, "forever": forever, "show": show}
    with Registry.open(Path(sys.argv[1])) as opened:
        modes[sys.argv[2]](opened, sys.argv[3])
