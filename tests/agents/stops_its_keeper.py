# Stops its keeper again and again, so that nobody could take it down.
from __future__ import annotations

import os
import signal
import threading

from alive import here, rest

connection = here("leader")
pause = threading.Event()
for _ in range(20):
    os.kill(os.getppid(), signal.SIGSTOP)
    pause.wait(0.02)

connection2 = here("done")
rest()
