"""What a soak found: the reports of lives and lanes, and everything that is wrong."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orchestrator.model.base import Noun

# pydantic reads it at run time
from .plan import Life

#: ``orphan`` and ``zombie``: a process that is left, running or not reaped. ``outcome``: an end
#: that is not on record as it was. ``durable``: an agent that should live on and does not, or is
#: not adopted. ``shutdown``: a line of the log is missing. ``status``: the exit status does not
#: tell the way of the end. ``descriptors`` and ``threads``: there are more or fewer than after the
#: first cycle. ``traceback``: something failed inside. ``broken``: no answer, or a crash.
Wrong = Literal[
    "orphan",
    "zombie",
    "outcome",
    "durable",
    "shutdown",
    "status",
    "descriptors",
    "threads",
    "traceback",
    "broken",
]


class Finding(Noun):
    """Something that is wrong.

    Attributes:
        kind: What it is.
        life: In which life, by its number.
        cycle: In which cycle of the run; the last one of the life for what is seen at its end.
        detail: What was seen, in words.
    """

    kind: Wrong
    life: int
    cycle: int
    detail: str


class Sample(Noun):
    """An orchestrator at rest: no agent lives, and everything is on record.

    Attributes:
        cycle: After which cycle of its life.
        rss: Resident memory, in bytes.
        pss: The same, of shared pages only its share.
        descriptors: How many are open.
        threads: How many there are.
    """

    cycle: int
    rss: int
    pss: int
    descriptors: int
    threads: int


class LifeReport(Noun):
    """What one life came to.

    Attributes:
        cycles: How many were run.
        agents: How many were launched, by what became of them.
        start_ms: From the start of the process until it answered.
        ending_ms: From the first signal until nobody was left but durable agents; None when
            somebody was, or it broke before.
        goes_on: It ended before its agents, and left them to their keepers.
        nursery_deltas: Descriptors and threads of its nursery, from the first cycle to the last.
        deltas: The same of the orchestrator itself; None for a life too short to tell.
        samples: Its memory over its life.
        fell: Who fell to the harness from below it, by name: orphans that ended.
        findings: What is wrong, of this life or found at its start of the one before.
    """

    life: Life
    cycles: int
    agents: dict[str, int]
    start_ms: float
    ending_ms: float | None = None
    goes_on: bool = False
    deltas: tuple[int, int] | None = None
    nursery_deltas: tuple[int, int] | None = None
    samples: tuple[Sample, ...] = ()
    fell: dict[str, int] = Field(default_factory=dict[str, int])
    findings: tuple[Finding, ...] = ()


class LaneReport(Noun):
    """What a lane came to, over all its lives.

    Attributes:
        starts: How many orchestrators its workspace has seen.
        agents: How many are in its registry.
        database: Bytes of the registry.
        log: Bytes of the log.
        findings: What is wrong at its very end.
    """

    starts: int
    agents: int
    database: int
    log: int
    findings: tuple[Finding, ...] = ()


class SoakReport(Noun):
    """A whole run.

    Attributes:
        machine: What it ran on, in words, by name.
        seed: What everything was drawn from.
        cycles: How many were asked for; with the seed, this makes the plan.
        from_cycle: Where it began.
        done: How many cycles were run.
        lanes: How many ran side by side.
        cut_short: It was ended before its time.
        seconds: How long it took.
        lives: In the order of their ends.
        reports: Of the lanes.
        left: Processes that were there at its very end, and were ended then.
    """

    machine: dict[str, str]
    seed: int
    cycles: int
    from_cycle: int
    done: int
    lanes: int
    cut_short: bool
    seconds: float
    lives: tuple[LifeReport, ...]
    reports: tuple[LaneReport, ...]
    left: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that is wrong, in the order of the cycles."""
        found = [finding for one in (*self.lives, *self.reports) for finding in one.findings]
        return tuple(sorted(found, key=lambda each: each.cycle))

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong and nobody was left."""
        return not self.findings and not self.left
