# Forks for ever with a session of its own in each generation: many chains of processes, each gone
# as soon as it has a child, and some that stay. Whoever looks for them one by one gets a small
# share of the processor, and finds those that have left already: without a control group a keeper
# ended only those that stay. Bounded for the machine's sake: in time, in generations, and so in
# processes.
from __future__ import annotations

import os
import signal
import time

from alive import here, rest

CHAINS = 32
STAYING = 2
GENERATIONS = 600
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
    os.setsid()
    if time.monotonic() > ends_at:
        break

    if os.fork() != 0:
        if generation < STAYING:
            signal.alarm(30)
            rest()

        os._exit(0)
