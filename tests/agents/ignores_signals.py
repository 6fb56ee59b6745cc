# Ignores every signal that can be ignored politely.
from __future__ import annotations

import signal

from alive import here, rest

for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)

connection = here("leader")
rest()
