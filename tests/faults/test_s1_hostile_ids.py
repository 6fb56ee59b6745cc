"""S1: ids that are paths, too long, or hold control characters: refused, and nothing is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.support.evidence import wait_until
from tests.support.mcp_server import LineClient, World, open_server

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE: Final = {
    "up": "../../x",
    "far up": "../" * 40 + "tmp/x",
    "absolute": "/tmp/x",  # noqa: S108  a path that must not be touched
    "dot": ".",
    "empty": "",
    "long": "x" * 1_000_000,
    "NUL": "a\0b",
    "newline": "a\nb",
    "escape": "\x1b[2J",
    "emoji": "agent-\U0001f600",
    "half a surrogate pair": "agent-\ud83d",
    "percent": "%2e%2e%2fx",
    "sql": "x' OR '1'='1",
}

#: Every parameter that is an id, by its tool; the others are filled in.
CALLS: Final[dict[str, tuple[str, ...]]] = {
    "deploy_headless_agent": ("task_id", "parent"),
    "get_real_task_status": ("task_id",),
    "get_agent_output": ("task_id", "agent_id"),
    "kill_real_agent": ("task_id", "agent_id"),
    "update_agent_progress": ("task_id", "agent_id"),
    "report_agent_finding": ("task_id", "agent_id"),
    "spawn_child_agent": ("task_id", "parent_agent_id"),
}
FILLERS: Final[dict[str, dict[str, Any]]] = {
    "deploy_headless_agent": {"agent_type": "w", "prompt": "p"},
    "update_agent_progress": {"status": "working", "message": "m"},
    "report_agent_finding": {"finding_type": "issue", "severity": "low", "message": "m"},
    "spawn_child_agent": {"child_agent_type": "w", "child_prompt": "p"},
}


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file below a folder; the registry's own journal changes by itself."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if not path.is_dir() and path.parent.name != "registry" and path.name != "stderr"
    }


def refused(server: LineClient, tool: str, arguments: dict[str, Any]) -> str:
    """Call a tool that must refuse, and return the error."""
    answer = server.receive(server.order(tool, **arguments))["result"]
    assert answer["isError"] is False
    assert answer["structuredContent"]["success"] is False
    return answer["structuredContent"]["error"]


def test_every_hostile_id_is_refused_by_every_tool_and_nothing_is_written(
    world: World, backend: str
) -> None:
    (world.folder / "x").write_text("must not be touched\n")
    (world.workspace.parent / "outside").mkdir()
    with open_server(world, backend) as server:
        task = server.create_task()
        agent = server.deploy(task, "sleep=100")
        world.roster.wait_agent(agent)
        path = world.workspace / task / "AGENT_REGISTRY.json"
        wait_until(lambda: '"pid"' in path.read_text(), "the agent in the file of its task")
        fine = {"task_id": task, "agent_id": agent, "parent_agent_id": agent}
        before = snapshot(world.folder)
        for tool, ids in CALLS.items():
            needed = {name: fine[name] for name in ids if name in fine}
            for name in ids:
                for hostile in HOSTILE.values():
                    arguments = {**needed, **FILLERS.get(tool, {}), name: hostile}
                    error = refused(server, tool, arguments)
                    shown = "parent" if name.startswith("parent") else name
                    assert f"Invalid {shown} " in error
                    assert len(error) < 1_000

        assert set(snapshot(world.folder)) == set(before)
        assert snapshot(world.folder) == before
        assert list(server.rows(task)) == [agent]


@pytest.mark.parametrize("kind", ["status", "progress-timeline"])
def test_a_resource_with_a_hostile_id_is_refused(world: World, kind: str) -> None:
    (world.folder / "secret").write_text("not for clients\n")
    with open_server(world) as server:
        server.create_task()
        before = snapshot(world.folder)
        for number, hostile in enumerate(
            ("..%2f..%2fsecret", "%2Fetc%2Fpasswd", "a%00b", "%ff", "x" * 200_000)
        ):
            server.send(
                {
                    "jsonrpc": "2.0",
                    "id": f"read-{number}",
                    "method": "resources/read",
                    "params": {"uri": f"task://{hostile}/{kind}"},
                }
            )
            answer = server.receive(f"read-{number}")
            text = str(answer)
            assert "error" in text
            assert "not for clients" not in text

        assert snapshot(world.folder) == before


def test_hostile_words_elsewhere_are_kept_as_words(world: World) -> None:
    with open_server(world) as server:
        task = server.create_task(description="../../x\0\n\x1b[2J\ud83d", priority="../x")
        for number, hostile in enumerate(HOSTILE.values()):
            if len(hostile) <= 10_000:
                server.deploy(task, "sleep=0", agent_type=hostile)

            agent = server.deploy(task, "until=go", agent_type=f"w{number}")
            answer = server.call(
                "update_agent_progress",
                task_id=task,
                agent_id=agent,
                status=hostile,
                message=hostile,
            )
            assert answer["success"] is True
            finding = server.call(
                "report_agent_finding",
                task_id=task,
                agent_id=agent,
                finding_type=hostile,
                severity=hostile,
                message=hostile,
                data={hostile: [hostile]},
            )
            assert finding["success"] is True
            killed = server.call("kill_real_agent", task_id=task, agent_id=agent, reason=hostile)
            assert killed["status"] == "terminated"

        made = {path.name for path in world.folder.iterdir()}
        assert made == {"workspace", "project", "roster", "stderr"}
        assert not list(world.project.iterdir())
        names = [path.name for path in (world.workspace / task).rglob("*")]
        assert all(name.isascii() and name.isprintable() for name in names)
