"""How much is tried: little and always the same, or much and each time something else."""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, Phase, settings

VARIABLE: Final = "HYPOTHESIS_PROFILE"

#: Making a failing example smaller takes a new server for each try, and minutes in all.
settings.register_profile(
    "fuzz",
    max_examples=15,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile(
    "thorough",
    settings.get_profile("fuzz"),
    max_examples=1_000,
    derandomize=False,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)

PROFILE: Final = settings.get_profile(os.environ.get(VARIABLE, "fuzz"))

#: Seconds that one test may take.
TIMEOUT: Final = max(120, 6 * PROFILE.max_examples)

ADVICE: Final = (
    "The same examples are tried each time. For more, and each time others: "
    f"{VARIABLE}=thorough python -m pytest -n auto --dist load tests/fuzz"
)


def fuzzed(times: float = 1) -> settings:
    """Make the settings of a test that tries so many times the examples of the profile."""
    return settings(PROFILE, max_examples=max(1, round(PROFILE.max_examples * times)))
