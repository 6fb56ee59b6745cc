"""Identifiers, in the form that clients of the original server know."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Final, NewType

from orchestrator.errors import InvalidInputError

AgentId = NewType("AgentId", str)
TaskId = NewType("TaskId", str)
OrchestratorId = NewType("OrchestratorId", str)
Cookie = NewType("Cookie", str)

#: The name under which an agent without a parent agent stands in a hierarchy.
ORCHESTRATOR: Final = "orchestrator"

#: An agent type longer than this is cut in the id (file names hold 255 bytes), never in the record.
TYPE_IN_ID_MAX: Final = 40

#: Longer than every id that is made here; anything beyond is refused before it is looked up.
ID_MAX: Final = 128

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def new_agent_id(agent_type: str, now: datetime | None = None) -> AgentId:
    """Make ``<agent_type>-HHMMSS-<6 hex>``, safe as a file name whatever the type holds.

    Characters other than letters, digits, ``_`` and ``-`` become ``_``; an empty type becomes
    ``agent``.
    """
    moment = now or datetime.now().astimezone()
    safe = _UNSAFE.sub("_", agent_type)[:TYPE_IN_ID_MAX].strip("-") or "agent"
    return AgentId(f"{safe}-{moment:%H%M%S}-{secrets.token_hex(3)}")


def new_task_id(now: datetime | None = None) -> TaskId:
    """Make ``TASK-YYYYMMDD-HHMMSS-<8 hex>``."""
    moment = now or datetime.now().astimezone()
    return TaskId(f"TASK-{moment:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}")


def new_orchestrator_id() -> OrchestratorId:
    """Make ``orc-<12 hex>``: one for each run of an orchestrator."""
    return OrchestratorId(f"orc-{secrets.token_hex(6)}")


def new_cookie() -> Cookie:
    """Make a launch token: 128 random bits, as 32 hex digits."""
    return Cookie(secrets.token_hex(16))


def parse_id(text: str, what: str) -> str:
    """Return ``text`` when it can be an id at all.

    Args:
        text: What came from outside.
        what: Its name in the error, e.g. ``"agent_id"``.

    Raises:
        InvalidInputError: It is empty, longer than 128 characters, or holds anything but letters,
            digits, ``_`` and ``-``; so no path can be made of it.
    """
    if not _ID.fullmatch(text):
        shown = text if len(text) <= ID_MAX else f"{text[:40]}... ({len(text)} characters)"
        raise InvalidInputError(
            f"Invalid {what} {shown!r}: an id holds 1 to {ID_MAX} letters, digits, '_' and '-'"
        )

    return text
