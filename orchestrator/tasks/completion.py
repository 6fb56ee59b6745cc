"""What speaks for an agent's claim that its work is completed: advice for whoever relies on it.

Nothing is ever blocked by it. It is scored as in the original server: 1, less 0.1 for each warning
and 0.3 for each blocking issue.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from anyio import to_thread

from orchestrator.model import AgentId
from orchestrator.model.depth import is_flat
from orchestrator.registry.atomic import append_line, read_regular
from orchestrator.registry.status import local_iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from orchestrator.model import AgentRecord, ProgressEntry, TaskRecord
    from orchestrator.registry import Registry

logger = logging.getLogger(__name__)

#: The word with which an agent claims to be done.
CLAIM: Final = "completed"

_FILE: Final = "completion_validations.jsonl"

#: A file larger than this was not written by us and is not read.
_FILE_MAX: Final = 16 * 1024 * 1024

#: How much of a project is looked through: entries, and seconds.
_ENTRIES_MAX: Final = 20_000
_SECONDS_MAX: Final = 0.5

#: Folders that say nothing about an agent's work; then what the server writes for a task.
_PASSED_OVER: Final = frozenset(
    {".git", ".hg", ".svn", ".agent-workspace", ".venv", "__pycache__", "node_modules"}
)
_OUR_FOLDERS: Final = frozenset({"findings", "logs", "progress"})
_OUR_FILES: Final = (".AGENT_REGISTRY", "AGENT_REGISTRY", "agent_prompt_")

#: Agents of these kinds work to find something out.
_FINDERS: Final = ("analy", "audit", "explor", "investigat", "research", "review")

_SUSPICIOUS: Final = ("todo", "placeholder", "not implemented", "should work", "mock", "stub")
_EVIDENCE: Final = ("added", "created", "fixed", "implemented", "passed", "tested", "verified")

#: A message with fewer characters, and an agent that took fewer seconds, cannot tell much.
_MESSAGE_MIN: Final = 20
_QUICK_SECONDS: Final = 60.0


class Modified(NamedTuple):
    """What a look through folders found: so many files, and whether it saw all of them."""

    files: int
    complete: bool


async def validate(
    task: TaskRecord, agent: AgentRecord, claim: ProgressEntry, registry: Registry
) -> None:
    """Weigh a claim, and keep the result beside the logs of the task."""
    began = agent.created_at.timestamp()
    modified = await to_thread.run_sync(
        count_modified, agent.cwd, task, began, abandon_on_cancel=True
    )
    reports = registry.reports.progress(task.id, agent_id=agent.id)
    findings = len(registry.reports.findings(task.id, agent_id=agent.id))
    result = weigh(agent, claim, modified=modified, reports=reports, findings=findings)
    try:
        append_line(_path(task), json.dumps({"agent_id": agent.id, **result}))
    except OSError as error:
        logger.warning("agent %s: its claim's validation cannot be kept: %s", agent.id, error)


def read_validations(task: TaskRecord) -> dict[AgentId, dict[str, Any]]:
    """Return what belongs into the row of each agent of the task that claimed to be done."""
    path = _path(task)
    found: dict[AgentId, dict[str, Any]] = {}
    try:
        lines = read_regular(path, _FILE_MAX).decode("utf-8", "replace").splitlines()
    except OSError:
        return found

    for line in lines:
        try:
            said: Any = json.loads(line)
        except (ValueError, RecursionError):
            continue

        if isinstance(said, dict) and is_flat(line):
            result = cast("dict[str, Any]", said)
            agent_id = AgentId(str(result.pop("agent_id", "")))
            found[agent_id] = {"completion_validation": result}

    return found


def weigh(
    agent: AgentRecord,
    claim: ProgressEntry,
    *,
    modified: Modified,
    reports: Sequence[ProgressEntry],
    findings: int,
) -> dict[str, Any]:
    """Score a claim.

    Args:
        agent: Whose claim it is.
        claim: The report that holds it.
        modified: What was written in its project since it started, by whomever.
        reports: All its reports of progress, the claim included.
        findings: How many findings it reported.
    """
    elapsed = max(0.0, (claim.at - agent.created_at).total_seconds())
    working = sum(each.status != CLAIM for each in reports)
    finder = any(kind in agent.agent_type.casefold() for kind in _FINDERS)
    said = claim.message.strip().casefold()
    suspicious = [phrase for phrase in _SUSPICIOUS if phrase in said]
    quick = elapsed < _QUICK_SECONDS

    doubts: Mapping[str, bool] = {
        "no file of the project was modified since the agent started": (
            modified.complete and modified.files == 0
        ),
        "an agent of this type should report findings, and has reported none": (
            finder and findings == 0
        ),
        f"the final message says little ({len(said)} characters)": len(said) < _MESSAGE_MIN,
        f"the final message speaks of unfinished work: {', '.join(suspicious)}": bool(suspicious),
        f"the progress claimed is {claim.progress} %, not 100 %": claim.progress != 100,  # noqa: PLR2004  percent
        "no progress was reported before the claim": working == 0,
        f"the agent took {elapsed:.0f} s only": quick,
    }
    warnings = [doubt for doubt, holds in doubts.items() if holds]
    nothing = modified.complete and not (modified.files or findings or working)
    blocking = ["nothing shows any work: no file, no finding, no progress"] if nothing else []
    return {
        "confidence": max(0.0, round(1 - 0.1 * len(warnings) - 0.3 * len(blocking), 2)),
        "warnings": warnings,
        "blocking_issues": blocking,
        "evidence_summary": {
            "workspace_evidence": {
                "modified_files_count": modified.files,
                "all_files_seen": modified.complete,
                "progress_entries_count": len(reports),
                "findings_count": findings,
            },
            "type_specific": {
                "type": agent.agent_type,
                "findings_required": finder,
                "findings_ok": findings > 0 or not finder,
            },
            "message_validation": {
                "length": len(claim.message),
                "suspicious_phrases_found": suspicious,
                "evidence_keywords_found": [word for word in _EVIDENCE if word in said],
            },
            "progress_pattern": {
                "pattern": "normal" if working else "claim_only",
                "elapsed_seconds": elapsed,
                "speed": "too_fast" if quick else "normal",
                "working_updates_count": working,
            },
        },
        "validated_at": local_iso(datetime.now(UTC)),
    }


def count_modified(project: Path, task: TaskRecord, since: float) -> Modified:
    """Count files that were written since then, in a project and in the folder of a task.

    Nearest first; links are not followed, and what the server itself writes does not count. The
    look ends after 20,000 entries or half a second.

    Args:
        project: Where the agent works.
        task: Its task.
        since: Seconds since the epoch.
    """
    end = time.monotonic() + _SECONDS_MAX
    home, base = str(task.workspace), str(task.workspace_base)
    folders = deque([str(project), home])
    entries = files = 0
    while folders:
        folder = folders.popleft()
        try:
            with os.scandir(folder) as listing:
                for entry in listing:
                    entries += 1
                    if entries > _ENTRIES_MAX or time.monotonic() > end:
                        return Modified(files, complete=False)

                    if entry.path == base or (folder == home and _is_ours(entry.name)):
                        continue

                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in _PASSED_OVER:
                            folders.append(entry.path)
                    elif _written_since(entry, since):
                        files += 1
        except OSError:
            # Gone, or not ours to read: then it holds nothing of this agent's.
            continue

    return Modified(files, complete=True)


def _is_ours(name: str) -> bool:
    """Whether the server writes it into the folder of a task."""
    return name in _OUR_FOLDERS or name.startswith(_OUR_FILES)


def _written_since(entry: os.DirEntry[str], since: float) -> bool:
    try:
        return (
            entry.is_file(follow_symlinks=False)
            and entry.stat(follow_symlinks=False).st_mtime >= since
        )
    except OSError:
        # It has gone since it was listed, which says nothing about the others.
        return False


def _path(task: TaskRecord) -> Path:
    return task.workspace / "logs" / _FILE
