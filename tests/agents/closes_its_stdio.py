# Closes its standard input, output and error, lives on, and ends at SIGUSR1 with code 5.
from __future__ import annotations

import os
import signal

from alive import here, rest

signal.signal(signal.SIGUSR1, lambda *_: os._exit(5))
for number in range(3):
    os.close(number)

connection = here("leader")
rest()
