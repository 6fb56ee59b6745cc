"""What a soak comes to: its targets; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.model import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.model import Verdict

    from .model import SoakReport, Wrong

_PERCENT = 100.0

#: What may not be, by the kind of the findings; in the words of the question that it answers.
_NEVER: Final[Mapping[Wrong, str]] = {
    "orphan": "orphans: processes that are left",
    "zombie": "zombies: processes that are left unreaped",
    "outcome": "ends that are not on record as they were",
    "durable": "durable agents that ended or were not adopted",
    "status": "exit statuses that do not tell the end",
    "descriptors": "lives with more or fewer descriptors at their end",
    "threads": "lives with more or fewer threads at their end",
    "traceback": "lives in which something failed inside",
    "broken": "orchestrators that broke",
}

#: What becomes of durable agents, see `tables`.
_DURABLE: Final = ("adopted", "gap")

_CLEAN: Final = Target(
    name="orderly ends with all their lines in the log", bound="at least", limit=100, unit="%"
)


def judge(report: SoakReport) -> tuple[Verdict, ...]:
    """Compare a run with what it should be."""
    counts = dict.fromkeys((*_NEVER, "shutdown"), 0)
    for finding in report.findings:
        counts[finding.kind] += 1

    agents = sum(sum(each.agents.values()) for each in report.lives)
    durable = sum(each.agents.get(fate, 0) for each in report.lives for fate in _DURABLE)
    orderly = sum(each.life.way.orderly for each in report.lives)
    clean = orderly - counts["shutdown"]
    share = _PERCENT * clean / orderly if orderly else None
    detail = f"{clean} of {orderly}"
    return (
        *(
            # Of durable agents nothing is known where none was there.
            Target(name=name, bound="at most", limit=0, unit="").judge(
                counts[kind] if durable or counts[kind] or kind != "durable" else None,
                detail=f"{durable} durable agents"
                if kind == "durable"
                else f"{agents} agents, {len(report.lives)} lives",
            )
            for kind, name in _NEVER.items()
        ),
        _CLEAN.judge(share, detail=detail),
    )
