"""What the kernel counts of processes, as samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .model import Sample
from .vitals import MEASURED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .vitals import Vitals


def vital_samples(vitals: Sequence[Vitals], *, who: str, when: str) -> Iterator[Sample]:
    """Yield everything that is kept of processes at one moment.

    Args:
        vitals: One for each process.
        who: Of whom, together.
        when: Said of each.
    """
    for name, unit in MEASURED:
        values = tuple(float(getattr(one, name)) for one in vitals)
        yield Sample(what=f"{name}, {when}", who=who, unit=unit, values=values)
