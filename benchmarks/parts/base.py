"""What every part is, and what it is given."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from benchmarks.model import Skipped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.contenders.base import Contender
    from benchmarks.ground import Ground
    from benchmarks.model import PartResult
    from benchmarks.plan import Plan
    from benchmarks.progress import Steps

C = TypeVar("C", bound="Contender[object]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a part works with.

    Attributes:
        ground: Where it stands.
        plan: How much it does.
        steps: Takes its progress.
    """

    ground: Ground
    plan: Plan
    steps: Steps


class Part(Protocol):
    """Something that is measured."""

    @property
    def name(self) -> str:
        """What it is asked for by."""
        ...

    @property
    def summary(self) -> str:
        """What it measures, in one line."""
        ...

    def missing(self) -> str | None:
        """Say why it cannot be measured on this system; None when it can."""
        ...

    def measure(self, context: Context) -> PartResult:
        """Measure.

        Raises:
            BrokenError: What was measured did not do its work.
        """
        ...


def present(contenders: Iterable[C]) -> tuple[list[C], tuple[Skipped, ...]]:
    """Part the contenders that can be measured here from those that cannot."""
    there: list[C] = []
    skipped: list[Skipped] = []
    for contender in contenders:
        reason = contender.missing()
        if reason is None:
            there.append(contender)
        else:
            skipped.append(Skipped(name=contender.name, reason=reason))

    return there, tuple(skipped)


def no_linux() -> str | None:
    """Say that a part needs what only Linux has; None on Linux."""
    if not sys.platform.startswith("linux") or not hasattr(os, "pidfd_open"):
        return "it counts with pidfds, /proc and a child subreaper, which only Linux has"

    return None
