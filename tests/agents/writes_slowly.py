# Writes a byte to standard error ten times a second, and else does nothing.
from __future__ import annotations

import os
import threading

from alive import LIFE, here

connection = here("leader")
pause = threading.Event()
for _ in range(LIFE * 10):
    os.write(2, b".")
    pause.wait(0.1)
