"""The rehearsal in a process of its own: what it does, and that nothing is left."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import orchestrator

ROOT = str(Path(orchestrator.__file__).parent)

# As in a nursery, which loads this folder as a package of its own.
PROGRAM = """
import json, os, signal, sys
sys.path.append(sys.argv[1])
from process import keeper, kernel, nursery, rehearsal, tree

contained = kernel.become_subreaper()
nursery._settle_signals()
spawned = []
spawn = keeper.spawn
keeper.spawn = lambda *what: spawned.append(what) or spawn(*what)
exec(sys.argv[2])
base = nursery._find_base()
before = os.listdir("/proc/self/fd")
rehearsal.rehearse(base.path if base else None, contained=contained)
print(json.dumps({
    "spawned": len(spawned),
    "children": tree.own_children(),
    "descriptors": os.listdir("/proc/self/fd") == before,
    "wakeup": signal.set_wakeup_fd(-1),
    "groups": [one.name for one in os.scandir(base.path) if one.is_dir()] if base else [],
}))
if base:
    base.close()

"""
LEFT_NOTHING: dict[str, Any] = {
    "children": [],
    "descriptors": True,
    "wakeup": -1,
    "groups": [],
}


def rehearsed(meanwhile: str) -> dict[str, Any]:
    """What a process sees of itself after its rehearsal."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, ROOT, meanwhile],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def test_a_rehearsal_plays_every_round_and_leaves_no_process_and_no_descriptor() -> None:
    assert rehearsed("") == {**LEFT_NOTHING, "spawned": 8}


def test_a_rehearsal_without_a_shell_is_over_at_once() -> None:
    seen = rehearsed("rehearsal._PLAYED['path'] = '/nowhere'")

    assert seen == {**LEFT_NOTHING, "spawned": 1}


def test_a_rehearsal_without_room_for_a_process_is_over_at_once() -> None:
    no_room = (
        "os.fork = lambda: os.stat('/proc/self/no_room'); keeper.AgentGroup.fork = lambda _: -1"
    )

    assert rehearsed(no_room) == {**LEFT_NOTHING, "spawned": 1}


def test_a_nursery_without_free_descriptors_goes_on_unrehearsed() -> None:
    starved = (
        "rehearsal.socket.socketpair = lambda: os.stat('/proc/self/no_room');"
        " rehearsal.rehearse = lambda path, contained:"
        " nursery._rehearse(base, contained=contained)"
    )

    assert rehearsed(starved) == {**LEFT_NOTHING, "spawned": 0}
