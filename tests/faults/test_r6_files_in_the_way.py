"""R6: files for others to read that cannot be written cost a warning, never a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.mcp_server import open_server

if TYPE_CHECKING:
    from tests.support.mcp_server import World


def test_reports_are_on_record_though_their_files_cannot_be_written(world: World) -> None:
    with open_server(world) as server:
        task = server.create_task()
        agent = server.deploy(task, "sleep=100")
        for name in ("progress", "findings"):
            folder = world.workspace / task / name
            folder.rmdir()
            folder.write_text("in the way\n")

        both = {"task_id": task, "agent_id": agent}
        report = server.call("update_agent_progress", **both, status="working", message="m")
        assert report["success"] is True
        finding = server.call(
            "report_agent_finding", **both, finding_type="issue", severity="low", message="loose"
        )
        assert finding["coordination_info"]["recent_findings"][0]["message"] == "loose"
        known = server.call("get_real_task_status", task_id=task)["enhanced_progress"]
        assert (known["total_progress_entries"], known["total_findings"]) == (1, 1)
        assert world.log.count("cannot write the ") >= 2
