# Has no habit: waits, and ends at the first signal. Holds what it is asked to in its arguments.
from __future__ import annotations

from alive import here, rest

connection = here("leader")
rest()
