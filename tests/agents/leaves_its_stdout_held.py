# Ends with code 6 while a child in another session holds its output and ignores SIGTERM.
from __future__ import annotations

import os
import signal
import sys

from alive import here, rest

connection = here("leader")
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    mine = here("holder")
    connection.close()
    os.write(writer, b".")
    rest()

os.read(reader, 1)
sys.stdout.write("done\n")
sys.stdout.flush()
os._exit(6)
