"""Charts as data: what a part wants drawn; `benchmarks.plots` draws it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.model.base import Noun

#: It becomes a part of names of files.
Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]

Bound = Literal["at most", "at least"]


class Axis(Noun):
    """An axis.

    Attributes:
        label: What it counts, e.g. ``agents on one orchestrator``.
        unit: In what, e.g. ``ms``; empty for a bare count.
        log: Whether each step is a factor.
    """

    label: str
    unit: str = ""
    log: bool = False


class Bar(Noun):
    """One bar.

    Attributes:
        name: Whose.
        value: Its length, in the unit of the axis.
        low: Where the middle half of the rounds begins; None where there were no rounds.
        high: Where it ends.
        ratio: `value` as a multiple of the floor's; None where there is no floor.
        ours: Whether it is this project's.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    ratio: float | None = None
    ours: bool = False


class Bars(Noun):
    """One figure of several contenders.

    Attributes:
        key: For the names of its files, e.g. ``launch-p50``; unique in a run.
        goal: A line across it: the value that is wanted; None without one.
        bound: On which side of `goal` the figures should be; None says only ``goal``.
    """

    kind: Literal["bars"] = "bars"
    key: Key
    title: str
    axis: Axis
    bars: tuple[Bar, ...]
    goal: float | None = None
    bound: Bound | None = None


class Line(Noun):
    """One line: points from left to right, as (x, y)."""

    name: str
    points: tuple[tuple[float, float], ...]
    ours: bool = False


class Lines(Noun):
    """How figures grow with something.

    Attributes:
        key: As in `Bars`; so are `goal` and `bound`.
    """

    kind: Literal["lines"] = "lines"
    key: Key
    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    goal: float | None = None
    bound: Bound | None = None


class Heat(Noun):
    """A figure for each pair of a row and a column; a cell without a figure is None.

    Attributes:
        key: As in `Bars`.
        rows: Their names, from the top.
        columns: Their names, from the left.
        cells: For each row, one for each column.
        unit: What is counted, e.g. ``processes left``.
        ours: Which rows are this project's.
    """

    kind: Literal["heat"] = "heat"
    key: Key
    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[float | None, ...], ...]
    unit: str
    ours: tuple[str, ...] = ()


Chart = Annotated[Bars | Lines | Heat, Field(discriminator="kind")]
