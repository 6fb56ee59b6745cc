"""S4: what others on the machine can see of it: no file, and no prompt."""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.process import tree
from tests.support.mcp_server import World, open_server

if TYPE_CHECKING:
    from collections.abc import Iterable

PLAN = "the-secret-plan-7741"


def open_to_others(folders: Iterable[Path]) -> dict[str, str]:
    """Everything in and below these folders that group or others may use, with its mode."""
    found: dict[str, str] = {}
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            # A file is written under another name first, which may be gone by now.
            with suppress(FileNotFoundError):
                mode = stat.S_IMODE(path.lstat().st_mode)
                if mode & 0o077:
                    found[str(path)] = oct(mode)

    return found


def test_files_are_their_owners_only_whatever_the_umask(world: World, backend: str) -> None:
    project = world.folder / "another project"
    project.mkdir()
    with open_server(world, backend, umask=0) as server:
        tasks = [server.create_task(), server.create_task(client_cwd=str(project))]
        for task in tasks:
            agent = server.deploy(task, "sleep=100 lines=2")
            world.roster.wait_agent(agent)
            both = {"task_id": task, "agent_id": agent}
            server.call("update_agent_progress", **both, status="completed", message="m")
            server.call(
                "report_agent_finding", **both, finding_type="issue", severity="low", message="m"
            )
            ended = server.deploy(task, "")
            server.call("kill_real_agent", task_id=task, agent_id=ended)

        private = [world.workspace, project / ".agent-workspace", *world.runtime.iterdir()]
        assert len(private) == 3
        assert open_to_others(private) == {}
        server.end_input()
        assert server.wait() == 0
        assert open_to_others(private[:2]) == {}


def test_no_prompt_stands_in_a_command_line_or_an_environment(world: World) -> None:
    with open_server(world) as server:
        task = server.create_task(description=f"task with {PLAN}")
        prompt = f"[[fake sleep=100 kids=1 escape=1]] {PLAN}"
        answer = server.call("deploy_headless_agent", task_id=task, agent_type="w", prompt=prompt)
        world.roster.wait_enrolled(3)
        agent = world.roster.wait_agent(answer["agent_id"])
        looked_at = 0
        for proc in tree.everyone():
            for name in ("cmdline", "environ", "comm"):
                try:
                    shown = Path(f"/proc/{proc.pid}/{name}").read_bytes()
                except OSError:
                    continue

                looked_at += proc.pid == agent.pid
                assert PLAN.encode() not in shown, (proc.pid, name)

        assert looked_at == 3
