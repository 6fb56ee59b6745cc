# At SIGTERM it needs 0.8 s, or so many as it is told, to save its work to the file that it is told.
from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from alive import here, rest

SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 0.8


def save(*_: object) -> None:
    threading.Event().wait(SECONDS)
    Path(sys.argv[1]).write_text("saved")
    sys.exit(0)


signal.signal(signal.SIGTERM, save)
connection = here("leader")
rest()
