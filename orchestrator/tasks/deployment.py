"""The note that stands in a task's logs for each deployment."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Final

from orchestrator.registry.status import local_iso

if TYPE_CHECKING:
    from orchestrator.model import AgentRecord

_COMMAND_CHARS: Final = 100


def deployment_record(record: AgentRecord) -> str:
    """Return ``deploy_<agent_id>.json``, with the keys that the original server wrote."""
    command = shlex.join(record.argv)
    return json.dumps(
        {
            "timestamp": local_iso(record.created_at),
            "action": "agent deployed",
            "agent_id": record.id,
            "tmux_session": record.session_name,
            "command": command[:_COMMAND_CHARS],
            "success": True,
            "session_creation": {
                "success": True,
                "session_name": record.session_name,
                "command": command,
                "output": "",
                "error": "",
            },
            "pid": record.pid,
        },
        indent=2,
    )
