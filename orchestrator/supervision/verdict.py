"""From what a keeper saw and what the CLI said to how the agent ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.model import ExitedWithCode, Outcome

if TYPE_CHECKING:
    from orchestrator.model import Exit, ProviderResult, Verdict
    from orchestrator.process.messages import KeeperReport


def judge(how: Exit, result: ProviderResult | None, *, requested: bool) -> Verdict:
    """Say an end in one word.

    Neither exit codes nor result lines can be believed alone: claude says ``subtype: success``
    with ``is_error: true``, gemini exits 0 after a stop. So a stop is a stop, and success needs
    both an exit code 0 and the absence of an error result.
    """
    if requested:
        return "terminated"

    succeeded = isinstance(how, ExitedWithCode) and how.code == 0
    return "completed" if succeeded and not (result and result.is_error) else "failed"


def conclude(
    report: KeeperReport, how: Exit, result: ProviderResult | None, *, reason: str | None = None
) -> Outcome:
    """Make the outcome of a keeper's report.

    Args:
        report: What the keeper saw.
        how: Its leader's end.
        result: What the CLI said.
        reason: Why the stop was asked for, where the keeper could not know it.
    """
    receipt = report.receipt
    if receipt is not None and reason is not None:
        receipt = receipt.model_copy(update={"reason": reason})

    return Outcome(
        verdict=judge(how, result, requested=report.requested),
        exit=how,
        exited_at=report.exited_at,
        ended_at=report.ended_at,
        usage=report.usage,
        left_behind=report.left_behind,
        receipt=receipt,
        result=result,
        limit=report.limit,
        warnings=report.warnings,
    )
