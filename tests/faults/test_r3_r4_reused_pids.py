"""R3 and R4: who has the pid of an agent, and is not it, is never signalled nor adopted."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Final

import anyio
import pytest

from orchestrator import open_orchestrator
from orchestrator.process import kernel, tree
from orchestrator.process.identity import alive, boot_id
from tests.support.durable import durable, keeper_of, leave, wait_recorded
from tests.support.evidence import LONG
from tests.support.liveness import open_liveness
from tests.support.mcp_server import ROOT
from tests.support.waiting import until, wait_nobody_below

from . import pid1

if TYPE_CHECKING:
    from pathlib import Path

ANOTHER_BOOT: Final = "00000000-0000-0000-0000-000000000000"


@pytest.mark.skipif(
    bool(pid1.refusal()), reason=f"no pid namespace can be made, which takes root: {pid1.refusal()}"
)
def test_r3_strangers_with_the_pids_of_all_that_was_killed_are_left_alone(
    tmp_path: Path,
) -> None:
    program = [sys.executable, "-m", "tests.faults.reused_pids", str(tmp_path), "trio"]
    done = subprocess.run(
        [*pid1.UNSHARE, *program], cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=LONG
    )
    said = json.loads(done.stdout)
    assert said["strangers"] == said["there"] == 6
    assert [(end["kind"], end["swept"]) for end in said["ends"]] == [("lost", [])] * 2


async def test_r4_after_a_restart_of_the_machine_nobody_is_adopted_and_nobody_signalled(
    anyio_backend: str, tmp_path: Path
) -> None:
    kernel.become_subreaper()
    children = tree.children(os.getpid())
    with anyio.fail_after(30):
        async with open_liveness() as liveness:
            asked = durable("has_children", liveness=liveness)
            one, other = await leave(tmp_path, anyio_backend, asked, asked)
            await liveness.wait_here("child", "session", "group", times=2)
            # As on record after a restart. Whoever has these pids now is somebody else, even if
            # all the rest is the same.
            with closing(sqlite3.connect(tmp_path / "registry" / "orchestrator.sqlite3")) as file:
                for table in ("agents", "orchestrators"):
                    change = f"UPDATE {table} SET record = replace(record, ?, ?)"  # noqa: S608
                    file.execute(change, (boot_id(), ANOTHER_BOOT))

                file.commit()

            async with open_orchestrator(tmp_path) as orchestrator:
                ends = [await wait_recorded(orchestrator, record.id) for record in (one, other)]
                assert orchestrator.agents == ()
                await orchestrator.stop(one.id, reason="enough", kill=True)

            assert [end.state.kind for end in ends] == ["lost", "lost"]
            assert alive(keeper_of(one))
            assert len(liveness.here()) == 8
            for record in (one, other):
                os.kill(keeper_of(record).pid, signal.SIGTERM)

            await until(lambda: liveness.here() == [])

    await wait_nobody_below(children)
