"""What can go wrong with a benchmark itself; a figure never does."""

from __future__ import annotations


class BrokenError(RuntimeError):
    """What was measured did not do its work: a launch failed, an answer did not come."""
