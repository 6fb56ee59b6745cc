# Forks for ever inside its group: chains of processes, each gone as soon as it has a child, and
# one in ten that stays. Bounded for the machine's sake: in time, in generations, in processes.
from __future__ import annotations

import os
import signal
import time

from alive import here, rest

CHAINS = 4
STAYING = 25
GENERATIONS = 5_000
SECONDS = 20.0

signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
connection = here("leader")
ends_at = time.monotonic() + SECONDS
for _chain in range(CHAINS):
    if os.fork() == 0:
        break
else:
    here("forking")
    rest()

for generation in range(GENERATIONS):
    if time.monotonic() > ends_at:
        break

    if os.fork() != 0:
        if generation % 10 == 9 and generation < 10 * STAYING:
            signal.alarm(30)
            rest()

        os._exit(0)
