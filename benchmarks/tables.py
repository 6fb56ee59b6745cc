"""Tables of times: one line for each series, compared with the floor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .figures import noise, pace, quantile, rate, ratio, typical
from .model import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .model import Cell, Series


def times_table(
    title: str, series: Sequence[Series], *, floor: str, notes: Iterable[str] = ()
) -> Table:
    """Lay out times: quantiles, how many, how noisy, and the ratio to the floor.

    Args:
        title: Of the table.
        series: They shared their rounds.
        floor: The key of the series that the others are compared with.
        notes: What one has to know to read it.
    """
    base = find(series, floor)
    return Table(
        title=title,
        columns=(
            Column(name="contender"),
            Column(name="n", digits=0),
            Column(name="p50", unit="ms"),
            Column(name="p95", unit="ms"),
            Column(name="p99", unit="ms"),
            Column(name="noise", unit="±%", digits=0),
            Column(name="rate", unit="/s", digits=0),
            Column(name="p50 ÷ floor", digits=1),
            Column(name="rate ÷ floor"),
        ),
        rows=tuple(_row(one, base) for one in series),
        notes=tuple(notes),
    )


def _row(series: Series, base: Series | None) -> tuple[Cell, ...]:
    times = series.times
    return (
        series.name,
        len(times),
        quantile(times, 0.5),
        quantile(times, 0.95),
        quantile(times, 0.99),
        noise(series),
        rate(series),
        None if base is None else ratio(series, base, typical).value,
        None if base is None else ratio(series, base, pace).value,
    )


def find(series: Iterable[Series], key: str) -> Series | None:
    """Return the series with this key, if it is among them."""
    return next((one for one in series if one.key == key), None)
