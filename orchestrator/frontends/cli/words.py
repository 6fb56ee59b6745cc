"""How durations, sizes, processes and ends are said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from orchestrator.model import Exited, Lost, Stopping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.model import AgentRecord, Outcome, ProcessNote

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_KIB: Final = 1024

#: Processes that are named in one line.
_NAMED: Final = 4


def duration(seconds: float) -> str:
    """Say a duration in two units at most: ``0.4s``, ``12s``, ``3m05s``, ``2h10m``, ``4d03h``."""
    if seconds < 10:  # noqa: PLR2004  tenths are of interest in a single digit only
        return f"{max(seconds, 0):.1f}s"

    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"

    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02}s"

    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}m"

    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02}h"


def size(count: float) -> str:
    """Say a number of bytes: ``512B``, ``10.2K``, ``340M``, ``1.5G``."""
    number = float(count)
    for unit in "BKMGT":
        if number < _KIB or unit == "T":
            digits = 1 if unit != "B" and number < 100 else 0  # noqa: PLR2004  three digits at most
            return f"{number:.{digits}f}{unit}"

        number /= _KIB

    raise AssertionError("the last unit takes all")


def processes(count: int) -> str:
    """Say a number of processes."""
    return "1 process" if count == 1 else f"{count} processes"


def orchestrators(count: int) -> str:
    """Say a number of orchestrators."""
    return "1 orchestrator" if count == 1 else f"{count} orchestrators"


def named(notes: Sequence[ProcessNote]) -> str:
    """Name some processes: ``sleep 4711, sh 4712``."""
    shown = ", ".join(f"{note.name} {note.pid}" for note in notes[:_NAMED])
    return f"{shown}, ..." if len(notes) > _NAMED else shown


def ending(record: AgentRecord) -> str:
    """Say in a few words how an agent ended, or why it is about to."""
    match record.state:
        case Exited(outcome=outcome):
            reason = outcome.receipt.reason if outcome.receipt else None
            stopped = outcome.verdict == "terminated" and reason
            error = outcome.result is not None and outcome.result.is_error
            said = f"{outcome.exit} ({reason})" if stopped else str(outcome.exit)
            swept = len(outcome.left_behind)
            return "; ".join(
                part
                for part in (
                    said,
                    "its CLI reports an error" if error and not stopped else "",
                    f"left {processes(swept)} behind, swept" if swept else "",
                )
                if part
            )
        case Lost(reason=reason):
            return reason
        case Stopping(reason=reason):
            return reason
        case _:
            return ""


def cleaning(outcome: Outcome, *, why: bool = False) -> str | None:
    """Say in one line what a stop or a sweep did; None when nobody was left to be ended.

    Args:
        outcome: How the agent ended.
        why: Say the reason for a stop too; the line goes on from the agent's name.
    """
    receipt = outcome.receipt
    left = outcome.left_behind
    if receipt is None:
        # They followed by themselves.
        return f"left {processes(len(left))} behind ({named(left)}), gone now" if left else None

    everyone = {note.pid for note in (*receipt.signalled, *receipt.killed)}
    if left:
        began = f"left {processes(len(left))} behind ({named(left)}); ended"
    elif why:
        began = f"was stopped ({receipt.reason}): {processes(len(everyone))}"
    else:
        began = f"stopped {processes(len(everyone))}"

    parts = [f"{began} in {receipt.duration_ms:.0f} ms"]
    if receipt.escapees:
        parts.append(f"{len(receipt.escapees)} in sessions of their own")

    if receipt.killed:
        parts.append(f"{len(receipt.killed)} by SIGKILL")

    parts.append(f"left: {named(receipt.survivors) or 'none'}")
    return ", ".join(parts)
