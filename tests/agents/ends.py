# Ends at once: "code N" or "signal N".
from __future__ import annotations

import os
import signal
import sys

kind, number = sys.argv[1], int(sys.argv[2])
if kind == "code":
    os._exit(number)

os.kill(os.getpid(), number)
signal.pause()
