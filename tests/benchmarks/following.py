"""Whether parts of the benchmarks are run by tests, or whole after them."""

from __future__ import annotations

import os

import pytest

#: Set where ``python -m benchmarks --quick`` runs all parts after the tests.
VARIABLE = "BENCHMARKS_FOLLOW"

#: For tests that run a part with counts that mean nothing.
runs_a_part = pytest.mark.skipif(
    VARIABLE in os.environ, reason=f"{VARIABLE} says that all parts are run after the tests"
)
