"""A keeper with nothing around it: starts one agent, in a control group or not, and does as told.

``small_keeper.py BASE NAME FOLDER ARGV...``: BASE may be empty, for no group. Each line of standard
input is a command, each line of output the answer as JSON: ``freeze``, ``thaw``, ``look``, ``kill``
and ``stop SECONDS``, the seconds being the grace. After the last two the answer is the receipt, and
it ends.
"""

from __future__ import annotations

import json
import os
import select
import sys
from typing import TYPE_CHECKING

from orchestrator.process import kernel
from orchestrator.process.cgroup import AgentGroup
from orchestrator.process.household import Household
from orchestrator.process.spawn import spawn
from orchestrator.process.takedown import Takedown

if TYPE_CHECKING:
    from orchestrator.process.wire import LaunchMessage, PolicyMessage

GRACES: PolicyMessage = {
    "polite_signal": None,
    "polite_grace": 0.0,
    "term_grace": 0.0,
    "linger": 0.0,
    "kill_limit": 5.0,
}


class Unborn(AgentGroup):
    """A group of a kernel in which nobody is born: its members enter it."""

    def fork(self) -> int:
        return -1


class Closed(Unborn):
    """A group that takes nobody."""

    def enter(self) -> None:
        raise PermissionError(13, "Permission denied")


KINDS = {"group": AgentGroup, "unborn": Unborn, "closed": Closed}


def main(base: str, name: str, folder: str, argv: list[str]) -> None:
    """Keep one agent."""
    kernel.become_subreaper()
    group = KINDS[name].make(base or None, name)
    house = Household(spawn(_order(folder, argv), group), contained=True, group=group)
    _say({"leader": house.leader, "group": group.path if group else None})
    for line in sys.stdin:
        match line.strip():
            case "freeze":
                _say({"frozen": [proc.pid for proc in house.freeze()]})
            case "thaw":
                house.thaw()
                _say({})
            case "look":
                _say({"alive": [proc.pid for proc in house.alive()]})
            case command:
                receipt = _take_down(house, float(command.partition(" ")[2] or 0))
                removed = group.remove() if group else None
                _say({"receipt": receipt, "exit": house.exit, "removed": removed})
                return


def _take_down(house: Household, grace: float) -> object:
    takedown = Takedown(house, {**GRACES, "term_grace": grace}, "told to")
    takedown.hurry(kill=not grace)
    while not takedown.done:
        select.select([], [], [], min(takedown.timeout() or 0.0, 0.01))
        house.reap()
        takedown.advance()

    return takedown.receipt()


def _order(folder: str, argv: list[str]) -> LaunchMessage:
    return {  # pyright: ignore[reportReturnType]  what starts an agent needs no more
        "agent_id": "agent",
        "path": argv[0],
        "argv": argv,
        "env": dict(os.environ),
        "cwd": folder,
        "prompt": os.devnull,
        "stdout": f"{folder}/out",
        "stderr": f"{folder}/err",
    }


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
