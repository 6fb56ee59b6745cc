# Closes its standard input, output and error, lives on, and ends at SIGUSR1 with code 5.
from __future__ import annotations

import os
import signal

from alive import here, rest


def end(*_: object) -> None:
    os._exit(5)


signal.signal(signal.SIGUSR1, end)
for number in range(3):
    os.close(number)

connection = here("leader")
rest()
