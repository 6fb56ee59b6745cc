"""What a check of ``orchestrator doctor`` says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "note", "warning", "broken"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What was looked at.
        verdict: ``ok``; ``note``, which needs nothing; ``warning``, with which less is possible;
            ``broken``, with which nothing is.
        found: What was found.
        advice: What to do about it; None where nothing needs to be done.
    """

    name: str
    verdict: Verdict
    found: str
    advice: str | None = None
