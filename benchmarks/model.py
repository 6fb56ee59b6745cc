"""The nouns of a run: what was measured, how it is shown, and whether it is what it should be."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from orchestrator.model.base import Noun

from .charts import Chart
from .leaking.model import Trial

Cell = float | int | str | None


class Round(Noun):
    """What one contender did in one turn.

    Attributes:
        times: Milliseconds of each thing done.
        wall: Milliseconds of all of them; less than their sum when they ran side by side.
    """

    times: tuple[float, ...]
    wall: float


class Series(Noun):
    """All turns of one contender, in the order of the rounds that it shared with the others.

    Attributes:
        key: Its short name, e.g. ``library``.
        name: What it is called in tables.
    """

    key: str
    name: str
    rounds: tuple[Round, ...]

    @property
    def times(self) -> tuple[float, ...]:
        """Milliseconds of everything that was done, over all rounds."""
        return tuple(time for one in self.rounds for time in one.times)


class Column(Noun):
    """A column of a table.

    Attributes:
        name: What stands above it.
        unit: What is counted, e.g. ``ms``; empty for a name.
        digits: Digits after the point.
    """

    name: str
    unit: str = ""
    digits: int = 2


class Table(Noun):
    """Figures as they are shown; a cell without a figure is None.

    Attributes:
        notes: What one has to know to read it, one sentence each.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


class Target(Noun):
    """What a figure should be.

    Attributes:
        name: What is looked at.
        bound: Whether it should be at most or at least `limit`.
        limit: In `unit`.
    """

    name: str
    bound: Literal["at most", "at least"]
    limit: float
    unit: str

    def judge(self, figure: float | None, *, detail: str = "") -> Verdict:
        """Compare; no figure is neither met nor missed.

        Args:
            figure: In the target's unit, unrounded.
            detail: How certain it is, or why there is none.
        """
        met = None
        if figure is not None:
            met = figure <= self.limit if self.bound == "at most" else figure >= self.limit

        return Verdict(target=self, figure=figure, met=met, detail=detail)


class Verdict(Noun):
    """A target and what was measured."""

    target: Target
    figure: float | None
    met: bool | None
    detail: str = ""


class Skipped(Noun):
    """Who was not measured, and why."""

    name: str
    reason: str


class Sample(Noun):
    """Values that are no times of a round, as they were measured.

    Attributes:
        what: What was measured, e.g. ``stop of 200: agents gone``.
        who: Of whom.
        unit: In what, e.g. ``ms``.
        values: In the order in which they were measured; None where there was none.
    """

    what: str
    who: str
    unit: str
    values: tuple[float | None, ...]


class PartResult(Noun):
    """What a part found.

    Attributes:
        name: Of the part.
        tables: To be read.
        verdicts: Its targets.
        skipped: Who is missing in it.
        series: Every single time, by the title of its table.
        samples: Every single value that is in no series.
        charts: To be drawn.
        trials: Every single trial of the part ``leaks``.
        failure: What was broken; None when nothing was.
        busy_before: Per cent of all cores' time that others used in the second before it began.
        seconds: How long it took.
    """

    name: str
    tables: tuple[Table, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    series: dict[str, tuple[Series, ...]] = Field(default_factory=dict[str, tuple[Series, ...]])
    samples: tuple[Sample, ...] = ()
    charts: tuple[Chart, ...] = ()
    trials: tuple[Trial, ...] = ()
    failure: str | None = None
    busy_before: float = 0.0
    seconds: float = 0.0


class RunResult(Noun):
    """What a run found.

    Attributes:
        plan: How much was measured: ``full``, ``quick``, ``smoke``.
        machine: What it ran on, in words, by name.
        left: Processes that were there at its end and should not have been.
        seconds: How long it took.
    """

    plan: str
    machine: dict[str, str]
    parts: tuple[PartResult, ...]
    left: tuple[str, ...]
    seconds: float

    @property
    def sound(self) -> bool:
        """Nothing was broken and nobody was left; what the figures are does not count."""
        return not self.left and all(part.failure is None for part in self.parts)
