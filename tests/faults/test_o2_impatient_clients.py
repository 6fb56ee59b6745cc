"""O2: each client's own way of ending a server, with agents that make it hard."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from tests.support.mcp_server import World, ends, next_start, open_server

if TYPE_CHECKING:
    from tests.support.mcp_server import LineClient


class Step(NamedTuple):
    """What a client does, and how many seconds it then waits."""

    does: str
    waits: float


#: As they were measured. All signals go to the group in which the server stands.
STYLES: Final = {
    "sdk": (Step("end of input", 2.0), Step("SIGTERM", 2.0), Step("SIGKILL", 0.0)),
    "claude": (Step("SIGINT", 0.1), Step("SIGTERM", 0.45), Step("SIGKILL", 0.0)),
    "codex": (Step("SIGTERM", 0.008), Step("SIGKILL", 0.0)),
    "gemini": (Step("end of input", 10.0),),
}


def escalate(server: LineClient, style: str) -> None:
    """End the server as this client does: on to the next step while it has not ended."""
    for step in STYLES[style]:
        if step.does == "end of input":
            server.end_input()
        else:
            os.killpg(server.process.pid, signal.Signals[step.does])

        try:
            server.process.wait(step.waits)
        except subprocess.TimeoutExpired:
            continue

        return


@pytest.mark.parametrize(
    ("backend", "style"),
    [
        ("asyncio", "sdk"),
        ("trio", "sdk"),
        ("asyncio", "claude"),
        ("trio", "claude"),
        ("asyncio", "codex"),
        ("trio", "gemini"),
    ],
)
def test_nothing_is_left_the_work_is_saved_and_every_outcome_is_on_record(
    world: World, backend: str, style: str
) -> None:
    with open_server(world, backend) as server:
        task = server.create_task()
        plain = server.deploy(task, "sleep=100 kids=1 escape=1 daemon=1")
        stubborn = server.deploy(task, "sleep=100 ignore=HUP,INT,TERM kids=1 escape=1 daemon=1")
        saving = server.deploy(task, "sleep=100 term_save=0.1")
        world.roster.wait_enrolled(9)
        escalate(server, style)
        server.wait()
        world.roster.wait_nobody(within=10)

    assert world.roster.has(f"{saving}.saved")
    known = next_start(world)
    assert ends(known) == dict.fromkeys((plain, stubborn, saving), "terminated")
    for agent in known["agents"]:
        assert agent["state"]["outcome"]["receipt"]["survivors"] == []

    (run,) = known["runs"]
    assert run["shutdown_done_at"] is not None
    for agent in (plain, stubborn, saving):
        assert f"agent {agent} " in world.log
